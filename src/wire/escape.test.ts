import { expect, test } from "vitest";
import { decodeEscapes, ESCAPED, encodeEscapes, escapeTable } from "./escape.ts";

test("decodeEscapes tells escaped octets from others", () => {
  expect(decodeEscapes("a\\.\\046.")).toEqual([0x61, 0x2e | ESCAPED, 0x2e | ESCAPED, 0x2e]);
});

test("decodeEscapes gives characters beyond ASCII as UTF-8", () => {
  expect(decodeEscapes("ü\\€😀")).toEqual([
    0xc3,
    0xbc,
    ...[0xe2, 0x82, 0xac].map((octet) => octet | ESCAPED),
    0xf0,
    0x9f,
    0x98,
    0x80,
  ]);
});

test.each(["\\", "a\\", "\\1", "\\12", "\\12a", "\\256", "\\999"])("decodeEscapes refuses %j", (text) => {
  expect(decodeEscapes(text)).toBeUndefined();
});

test("encodeEscapes is the inverse for all octets", () => {
  const octets = Array.from({ length: 256 }, (_, octet) => octet);
  const text = encodeEscapes(octets, escapeTable("!", '.\\"'));
  expect(decodeEscapes(text)!.map((octet) => octet & ~ESCAPED)).toEqual(octets);
  expect(text).toContain('!\\"#$%');
  expect(text).toContain("\\032");
});
