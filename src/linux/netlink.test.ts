import { expect, test } from "vitest";
import { attribute, attributesOf, nested, number, text } from "./netlink.ts";

const HEADER = Buffer.from("0200", "hex");

test("attributesOf reads what was written, each without its padding and whole", () => {
  const written = [
    attribute(1, Uint8Array.of(5)),
    attribute(2, Buffer.alloc(0)),
    text(3, "lo"),
    number(4, -2),
  ];
  const found = attributesOf(Buffer.concat([HEADER, ...written]), HEADER.length);
  expect(found.map(({ type, value }) => [type, value.toString("hex")])).toEqual([
    [1, "05"],
    [2, ""],
    [3, "6c6f00"],
    [4, "fffffffe"],
  ]);
  expect(found.map(({ octets }) => octets)).toEqual(written);
});

test("attributesOf reads what another attribute holds, and tells its type without flags", () => {
  const [outer] = attributesOf(nested(7, nested(8, number(9, 1)), text(10, "a")));
  expect(outer!.type).toBe(7);
  const [inner, last] = attributesOf(outer!.value);
  expect([inner!.type, last!.type, last!.value.toString()]).toEqual([8, 10, "a\0"]);
  // NLA_F_NET_BYTEORDER.
  expect(attributesOf(attribute(0x4000 | 9, Uint8Array.of(1)))[0]!.type).toBe(9);
});

test("attributesOf reads a last one without padding, and ends at a rest that is none", () => {
  const first = attribute(1, Uint8Array.of(1, 2, 3, 4));
  const typesOf = (rest: string) =>
    attributesOf(Buffer.concat([first, Buffer.from(rest, "hex")])).map(({ type, value }) => [
      type,
      value.length,
    ]);
  expect(typesOf("0500020009")).toEqual([
    [1, 4],
    [2, 1],
  ]);
  for (const rest of ["", "050002", "00000200", "0300020000"]) expect(typesOf(rest)).toEqual([[1, 4]]);
});
