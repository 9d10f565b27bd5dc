import { type IpAddress, ipAddress, isOverIpv4 } from "./ip-address.ts";
import { GLIBC_TABLES, type PolicyTables } from "./policy-tables.ts";
import type { PrefixRow, PrefixTable } from "./prefix-table.ts";

/** What a gai.conf makes of glibc's tables. */
export interface GaiConf {
  readonly tables: PolicyTables;
  /** Lines that glibc passes over without a word, which is seldom what was meant. */
  readonly ignored: readonly { readonly line: number; readonly text: string; readonly reason: string }[];
}

/** The rows that glibc adds to a table that has none for all addresses. */
const OTHERWISE = { label: 1, precedence: 40, scopev4: 14 } as const;
type Keyword = keyof typeof OTHERWISE;

const INT_MAX = 0x7fff_ffff;

/**
 * Reads gai.conf(5) as glibc 2.36 does: `label|precedence PREFIX/BITS VALUE`, and `scopev4`, whose prefix may be IPv4
 * or mapped. A single line of a kind replaces the whole built-in table of that kind. `reload` says only when a process
 * reads the file again. A prefix without `/BITS` is left to chance by glibc (it looks at an uninitialised pointer;
 * observed: ignored), so it counts as ignored. Never throws.
 */
export function parseGaiConf(text: string): GaiConf {
  const rows: Record<Keyword, PrefixRow[]> = { label: [], precedence: [], scopev4: [] };
  const ignored: { line: number; text: string; reason: string }[] = [];
  for (const [index, whole] of text.split("\n").entries()) {
    const [keyword, prefix = "", value = ""] = whole
      .replace(/#.*/s, "")
      .split(/\s+/)
      .filter((word) => word !== "");
    if (keyword === undefined || keyword === "reload") continue;
    const row = Object.hasOwn(OTHERWISE, keyword)
      ? readRow(keyword as Keyword, prefix, value)
      : "not a keyword";
    if (typeof row === "string") ignored.push({ line: index + 1, text: whole.trim(), reason: row });
    else rows[keyword as Keyword].push(row);
  }
  return {
    tables: {
      labels: tableOf("label", rows, GLIBC_TABLES.labels),
      precedences: tableOf("precedence", rows, GLIBC_TABLES.precedences),
      ipv4Scopes: tableOf("scopev4", rows, GLIBC_TABLES.ipv4Scopes),
    },
    ignored,
  };
}

/** A row, or why it is none. */
function readRow(keyword: Keyword, text: string, valueText: string): PrefixRow | string {
  const slash = text.indexOf("/");
  const prefix = prefixOf(keyword, slash < 0 ? text : text.slice(0, slash));
  if (prefix === undefined) return keyword === "scopev4" ? "not an IPv4 prefix" : "not an IPv6 prefix";
  if (slash < 0) return "the prefix has no length";
  const length = numberOf(text.slice(slash + 1)) ?? Number.POSITIVE_INFINITY;
  // IPv4 lengths count from the end of ::ffff:0:0/96.
  const bits = prefix.family === 4 ? length + 96 : length;
  if (bits > 128 || (keyword === "scopev4" && bits < 96)) return "the prefix has no such length";
  const value = numberOf(valueText);
  return value === undefined ? "its value is not a number" : { prefix: prefix.octets, bits, value };
}

/** Only `scopev4` takes IPv4 in its own form, and only IPv4. */
function prefixOf(keyword: Keyword, text: string): IpAddress | undefined {
  const address = text.includes("%") ? undefined : ipAddress(text);
  if (address === undefined) return undefined;
  const isFit = keyword === "scopev4" ? isOverIpv4(address) : address.family === 6;
  return isFit ? address : undefined;
}

/** As strtoul(3) reads it to its end: nothing at all is 0. */
function numberOf(text: string): number | undefined {
  const value = /^\+?\d*$/.test(text) ? Number(text) : Number.POSITIVE_INFINITY;
  return value <= INT_MAX ? value : undefined;
}

/** The longest prefix first; of equal ones the first in the file. */
function tableOf(keyword: Keyword, rows: Record<Keyword, PrefixRow[]>, builtIn: PrefixTable): PrefixTable {
  if (rows[keyword].length === 0) return builtIn;
  const otherwise = { prefix: new Uint8Array(16), bits: 0, value: OTHERWISE[keyword] };
  return [...rows[keyword], otherwise].sort((a, b) => b.bits - a.bits);
}
