import { describe, expect, test } from "vitest";
import { ipAddress } from "./ip-address.ts";
import { GLIBC_TABLES } from "./policy-tables.ts";
import { type Sorter, sortAddresses } from "./sort-addresses.ts";
import { readSourceAddress, sourceFor } from "./source-address.ts";

const GLIBC: Sorter = { libc: "glibc", tables: GLIBC_TABLES, hasIpv6: true };
const MUSL: Sorter = { libc: "musl" };

/** Addresses in order, each with the rule that put it before the next: `a 2 b 6 c`. */
function sorted(sorter: Sorter, destinations: string, sources: string): string {
  const own = sources.split(" ").map((text) => readSourceAddress(text)!);
  const candidates = destinations.split(" ").map((text) => {
    const address = ipAddress(text)!;
    return { address, source: sourceFor(address, own) };
  });
  return sortAddresses(candidates, sorter)
    .map(({ address, rule }) => (rule === null ? address.text : `${address.text} ${rule}`))
    .join(" ");
}

describe("the examples of RFC 6724 §10.2", () => {
  const EXAMPLES = [
    ["2001:db8:1::1 2 198.51.100.121", "2001:db8:1::2 fe80::1 169.254.13.78", ["glibc"]],
    // For musl 169.254.13.78 is as global as any IPv4 address; the order is the same.
    ["2001:db8:1::1 6 198.51.100.121", "2001:db8:1::2 fe80::1 169.254.13.78", ["musl"]],
    ["198.51.100.121 2 2001:db8:1::1", "fe80::1 198.51.100.117", ["glibc", "musl"]],
    ["2001:db8:1::1 6 10.1.2.3", "2001:db8:1::2 fe80::1 10.1.2.4", ["glibc", "musl"]],
    ["fe80::1 8 2001:db8:1::1", "2001:db8:1::2 fe80::2", ["glibc", "musl"]],
    ["2001:db8:1::1 4 fe80::1", "2001:db8:1::2 2001:db8:3::1+home fe80::2", ["glibc"]],
    ["2001:db8:1::1 3 fe80::1", "2001:db8:1::2 fe80::2+deprecated", ["glibc"]],
    ["2001:db8:1::1 9 2001:db8:3ffe::1", "2001:db8:1::2 2001:db8:3f44::2 fe80::2", ["glibc", "musl"]],
    ["2002:c633:6401::1 5 2001:db8:1::1", "2002:c633:6401::2 fe80::2", ["glibc"]],
    ["2002:c633:6401::1 5 2001:db8:1::1", "2002:c633:6401::2", ["musl"]],
    ["2001:db8:1::1 6 2002:c633:6401::1", "2002:c633:6401::2 2001:db8:1::2 fe80::2", ["glibc", "musl"]],
  ] as const;

  test.each(EXAMPLES)("%s, from %s", (expected, sources, libcs) => {
    const [first = "", , second = ""] = expected.split(" ");
    for (const libc of libcs) {
      const sorter = libc === "glibc" ? GLIBC : MUSL;
      expect(sorted(sorter, `${first} ${second}`, sources), libc).toBe(expected);
      expect(sorted(sorter, `${second} ${first}`, sources), libc).toBe(expected);
    }
  });
});

describe("sortAddresses", () => {
  test("a unique local address is better than IPv4 for glibc, and worse for musl", () => {
    const sources = "fd05::2 10.5.0.2";
    expect(sorted(GLIBC, "10.5.0.9 fd05::9", sources)).toBe("fd05::9 6 10.5.0.9");
    expect(sorted(MUSL, "fd05::9 10.5.0.9", sources)).toBe("10.5.0.9 6 fd05::9");
  });

  test("glibc compares IPv4 prefixes within the source's subnet only", () => {
    expect(sorted(GLIBC, "10.5.1.2 10.5.0.9", "10.5.0.2/24")).toBe("10.5.0.9 9 10.5.1.2");
    expect(sorted(GLIBC, "10.9.0.1 10.5.1.2", "10.5.0.2/24")).toBe("10.9.0.1 10 10.5.1.2");
  });

  test("glibc on a host without IPv6 knows no subnets", () => {
    const host: Sorter = { ...GLIBC, hasIpv6: false };
    expect(sorted(host, "10.5.1.2 10.5.0.9", "10.5.0.2/24")).toBe("10.5.1.2 10 10.5.0.9");
    expect(sorted(host, "10.5.0.9 10.5.0.2", "10.5.0.2/24")).toBe("10.5.0.2 9 10.5.0.9");
  });

  test("musl leaves IPv4 alone among itself, and else compares all prefixes", () => {
    expect(sorted(MUSL, "10.9.9.9 10.5.0.9", "10.5.0.2")).toBe("10.9.9.9 10 10.5.0.9");
    expect(sorted(MUSL, "10.9.9.9 10.5.0.9 ::1", "10.5.0.2")).toBe("::1 6 10.5.0.9 9 10.9.9.9");
  });

  test("what can't be reached comes last, in the order of its precedence", () => {
    expect(sorted(GLIBC, "10.5.0.9 2001:db8::1 ::1", "fe80::2")).toBe("::1 2 2001:db8::1 1 10.5.0.9");
    expect(sorted(GLIBC, "10.5.0.9 2002::1 2001:db8::1", "127.0.0.1")).toBe(
      "2001:db8::1 6 2002::1 6 10.5.0.9",
    );
  });

  test("a comparison that is no order comes out as glibc's merge sort makes it", () => {
    const zero = { prefix: new Uint8Array(16), bits: 0, value: 40 };
    const host: Sorter = { ...GLIBC, tables: { ...GLIBC_TABLES, precedences: [zero] } };
    // By prefix fd05::9 is before fdff::1; IPv4 and IPv6 keep the order in which they came.
    expect(sorted(host, "fdff::1 10.9.9.9 fd05::9", "fd05::2 10.5.0.2")).toBe(
      "fdff::1 10 10.9.9.9 10 fd05::9",
    );
  });

  test("one address and none at all need no rule", () => {
    expect(sorted(GLIBC, "::1", "::1")).toBe("::1");
    expect(sortAddresses([], GLIBC)).toEqual([]);
  });
});
