import fc from "fast-check";
import { expect, test } from "vitest";
import {
  arbitraryIpv4,
  arbitraryIpv6,
  arbitraryName,
  arbitraryOctets,
} from "../../test/fuzz/arbitrary-message.ts";
import { addressFromReverse, foldName, isSubdomain, labelsOf, nameFromText, reverseName } from "./name.ts";

test("foldName lowers ASCII letters only", () => {
  expect(foldName("Web.SHOP.\\200.")).toBe("web.shop.\\200.");
});

test.each([
  ["web.shop", "web.shop."],
  ["web.shop.", "web.shop."],
  [".", "."],
  ["Web.SHOP", "Web.SHOP."],
  ["my\\.web.shop", "my\\.web.shop."],
  ["my\\046web.shop", "my\\.web.shop."],
  ["\\119eb", "web."],
  ["\\w\\eb", "web."],
  ["a\\032b", "a\\032b."],
  ["a\\ b", "a\\032b."],
  ["a\\;b", "a;b."],
  ["a;b", "a;b."],
  ["a\\\\", "a\\\\."],
  ["a\\.", "a\\.."],
  ["bücher", "b\\195\\188cher."],
  ["_http._tcp.web", "_http._tcp.web."],
  ["a".repeat(63), `${"a".repeat(63)}.`],
  ["\\000".repeat(63), `${"\\000".repeat(63)}.`],
  ["a.".repeat(127), "a.".repeat(127)],
])("nameFromText reads %j as %j", (text, name) => {
  expect(nameFromText(text)).toBe(name);
});

test.each([
  "",
  "..",
  ".web",
  "web..",
  "web..shop",
  "a b",
  "a\tb",
  "a\x7fb",
  "web\\",
  "web\\25",
  "web\\256",
  "web\\2a5",
  "a".repeat(64),
  "\\000".repeat(64),
  "ü".repeat(32),
  "a.".repeat(128),
  `\\097.${"a.".repeat(127)}`,
])("nameFromText refuses %j", (text) => {
  expect(nameFromText(text)).toBeUndefined();
});

test("nameFromText gives equal names one spelling", () => {
  const escaped = (octet: number) => `\\${String(octet).padStart(3, "0")}`;
  for (let octet = 0; octet < 256; octet++) {
    const character = String.fromCharCode(octet);
    const name = nameFromText(`x${escaped(octet)}`)!;
    expect(nameFromText(name)).toBe(name);
    if (octet > 0x20 && octet < 0x7f && !/\d/.test(character))
      expect(nameFromText(`x\\${character}`)).toBe(name);
  }
});

test("labelsOf takes apart what nameFromText puts together", () => {
  expect(labelsOf(".")).toEqual([]);
  expect(labelsOf("web.shop.")).toEqual(["web", "shop"]);
  expect(labelsOf("a\\.b\\\\.c\\046.")).toEqual(["a\\.b\\\\", "c\\046"]);
  fc.assert(
    fc.property(fc.array(arbitraryOctets(20, 1), { minLength: 1, maxLength: 5 }), (octets) => {
      const labels = octets.map((label) =>
        Array.from(label, (o) => `\\${String(o).padStart(3, "0")}`).join(""),
      );
      const name = nameFromText(labels.join("."))!;
      expect(labelsOf(name)).toEqual(labels.map((label) => nameFromText(label)!.slice(0, -1)));
    }),
  );
});

test.each([
  ["web.shop.", "shop.", true],
  ["WEB.shop.", "Shop.", true],
  ["shop.", "shop.", true],
  ["shop.", ".", true],
  [".", ".", true],
  [".", "shop.", false],
  ["webshop.", "shop.", false],
  ["shop.", "web.shop.", false],
  ["web\\.shop.", "shop.", false],
  ["web\\\\.shop.", "shop.", true],
  ["web\\\\\\.shop.", "shop.", false],
  ["\\.shop.", "shop.", false],
])("isSubdomain(%j, %j) is %s", (name, of, expected) => {
  expect(isSubdomain(name, of)).toBe(expected);
});

test("isSubdomain compares label by label", () => {
  fc.assert(
    fc.property(arbitraryName, arbitraryName, fc.nat(6), (name, other, cut) => {
      const end = (labels: string[]) => (labels.length === 0 ? "." : `${labels.join(".")}.`);
      const labels = labelsOf(name);
      expect(isSubdomain(name, end(labels.slice(Math.min(cut, labels.length))))).toBe(true);
      const apex = labelsOf(foldName(other));
      const tail = labelsOf(foldName(name)).slice(Math.max(0, labels.length - apex.length));
      expect(isSubdomain(name, other)).toBe(end(tail) === end(apex));
    }),
  );
});

test("reverseName and addressFromReverse are each other's inverse", () => {
  expect(reverseName("172.18.0.3")).toBe("3.0.18.172.in-addr.arpa.");
  expect(reverseName("2001:db8::1")).toBe(`1.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa.`);
  fc.assert(
    fc.property(fc.oneof(arbitraryIpv4, arbitraryIpv6), (address) => {
      expect(addressFromReverse(reverseName(address))).toBe(address);
      expect(addressFromReverse(reverseName(address).toUpperCase())).toBe(address);
    }),
  );
  expect(() => reverseName("web")).toThrow(expect.objectContaining({ reason: "address" }));
});

test.each([
  "in-addr.arpa.",
  "18.172.in-addr.arpa.",
  "1.3.0.18.172.in-addr.arpa.",
  "03.0.18.172.in-addr.arpa.",
  "256.0.18.172.in-addr.arpa.",
  "3.0.18.172.in-addr.arpa.example.",
  "3.0.18.172.in\\-addr.arp.",
  "8.b.d.0.1.0.0.2.ip6.arpa.",
  `${"10.".repeat(32)}ip6.arpa.`,
  `${"g.".repeat(32)}ip6.arpa.`,
  `${"0.".repeat(33)}ip6.arpa.`,
  "web.shop.",
  ".",
])("addressFromReverse knows no address of %s", (name) => {
  expect(addressFromReverse(name)).toBeUndefined();
});
