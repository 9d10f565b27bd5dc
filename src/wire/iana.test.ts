import { expect, test } from "vitest";
import { className, rcodeName, typeName, typeNumber } from "./iana.ts";

test("numbers without a name have that of RFC 3597", () => {
  expect([typeName(1), typeName(65280), className(1), className(32)]).toEqual([
    "A",
    "TYPE65280",
    "IN",
    "CLASS32",
  ]);
  expect([rcodeName(3), rcodeName(3841)]).toEqual(["NXDOMAIN", "RCODE3841"]);
});

test.each([
  ["aaaa", 28],
  ["HTTPS", 65],
  ["type65535", 65535],
  ["TYPE65536", undefined],
  ["TYPE", undefined],
  ["TYPE1x", undefined],
  ["toString", undefined],
  ["", undefined],
])("typeNumber(%j) is %s", (name, expected) => {
  expect(typeNumber(name)).toBe(expected);
});
