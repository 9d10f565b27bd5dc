import { describe, expect, test } from "vitest";
import { parseGaiConf } from "./gai-conf.ts";
import { ipAddress } from "./ip-address.ts";
import { GLIBC_TABLES, type PolicyTables } from "./policy-tables.ts";
import { valueFor } from "./prefix-table.ts";

const of = (text: string, kind: keyof PolicyTables, address: string): number =>
  valueFor(parseGaiConf(text).tables[kind], ipAddress(address)!.octets);

describe("parseGaiConf", () => {
  test("an empty one, or comments only, leaves glibc's own tables", () => {
    for (const text of ["", "# label ::/0 7\n\n  # precedence\n", "reload yes\n"])
      expect(parseGaiConf(text)).toEqual({ tables: GLIBC_TABLES, ignored: [] });
  });

  test("one line of a kind replaces the table of that kind, and no other", () => {
    const text = "precedence ::ffff:0:0/96 100 # as everybody has it\n";
    expect(of(text, "precedences", "10.0.0.1")).toBe(100);
    expect(of(text, "precedences", "::1")).toBe(40);
    expect(of(text, "labels", "fd00::1")).toBe(6);
    expect(of("label fd00::/8 9", "labels", "2002::1")).toBe(1);
    expect(of("scopev4 10.0.0.0/8 5", "ipv4Scopes", "10.1.1.1")).toBe(5);
    expect(of("scopev4 10.0.0.0/8 5", "ipv4Scopes", "127.0.0.1")).toBe(14);
  });

  test("the longest prefix holds, wherever it stands, and of equal ones the first", () => {
    const text = "label ::/0 2\nlabel fd00::/8 3\nlabel fd05::/64 4\nlabel fd05::/64 5\nlabel ::/0 6\n";
    expect(["fd05::1", "fd06::1", "::1"].map((address) => of(text, "labels", address))).toEqual([4, 3, 2]);
  });

  test("scopev4 takes IPv4 in both forms", () => {
    const text = "scopev4 ::ffff:10.0.0.0/104 5\nscopev4 10.5.0.0/16 2";
    expect(["10.1.0.1", "10.5.0.1"].map((address) => of(text, "ipv4Scopes", address))).toEqual([5, 2]);
  });

  test("a missing value is 0, as strtoul has it", () => {
    expect(of("precedence ::ffff:0:0/96", "precedences", "10.0.0.1")).toBe(0);
  });

  test.each([
    ["precedence 10.0.0.0/8 100", "not an IPv6 prefix"],
    ["label fe80::1%eth0/64 1", "not an IPv6 prefix"],
    ["scopev4 fd00::/8 5", "not an IPv4 prefix"],
    ["scopev4 ::ffff:10.0.0.0/8 5", "the prefix has no such length"],
    ["scopev4 10.0.0.0/33 5", "the prefix has no such length"],
    ["label fd00::/129 1", "the prefix has no such length"],
    ["label fd00::1 1", "the prefix has no length"],
    ["label fd00::/8 high", "its value is not a number"],
    ["label fd00::/8 2147483648", "its value is not a number"],
    ["labels fd00::/8 1", "not a keyword"],
    ["toString fd00::/8 1", "not a keyword"],
  ])("ignores %j: %s", (text, reason) => {
    expect(parseGaiConf(`\n${text}\n`)).toEqual({
      tables: GLIBC_TABLES,
      ignored: [{ line: 2, text, reason }],
    });
  });
});
