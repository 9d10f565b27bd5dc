import { type PrefixTable, prefixTable } from "./prefix-table.ts";

/** What a libc thinks of addresses before it compares two. */
export interface PolicyTables {
  readonly labels: PrefixTable;
  /** The greater, the better. */
  readonly precedences: PrefixTable;
  /** Scopes of IPv4 addresses, in the numbers of IPv6's (RFC 4291 §2.7): 2 link-local, 14 global. */
  readonly ipv4Scopes: PrefixTable;
}

/**
 * glibc's own (sysdeps/posix/getaddrinfo.c, 2.36): still those of RFC 3484, with labels of its own for site-local,
 * ULA and Teredo addresses. So IPv4 has precedence 10, not the 35 of RFC 6724, and ULA 40, not 3.
 */
export const GLIBC_TABLES: PolicyTables = {
  labels: prefixTable({
    "::1/128": 0,
    "2002::/16": 2,
    "::/96": 3,
    "::ffff:0:0/96": 4,
    "fec0::/10": 5,
    "fc00::/7": 6,
    "2001::/32": 7,
    "::/0": 1,
  }),
  precedences: prefixTable({ "::1/128": 50, "2002::/16": 30, "::/96": 20, "::ffff:0:0/96": 10, "::/0": 40 }),
  ipv4Scopes: prefixTable({ "::ffff:169.254.0.0/112": 2, "::ffff:127.0.0.0/104": 2, "::/0": 14 }),
};

/**
 * musl's (src/network/lookup_name.c): those of RFC 6724 §2.1 without the rows for deprecated ranges. It takes an IPv4
 * address for an IPv6 one when it looks at the scope, so that all are global, 127.0.0.1 too.
 */
export const MUSL_TABLES: PolicyTables = {
  labels: prefixTable({
    "::1/128": 0,
    "::ffff:0:0/96": 4,
    "2002::/16": 2,
    "2001::/32": 5,
    "fc00::/7": 13,
    "::/0": 1,
  }),
  precedences: prefixTable({
    "::1/128": 50,
    "::ffff:0:0/96": 35,
    "2002::/16": 30,
    "2001::/32": 5,
    "fc00::/7": 3,
    "::/0": 40,
  }),
  ipv4Scopes: prefixTable({ "::/0": 14 }),
};
