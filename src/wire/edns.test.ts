import { expect, test } from "vitest";
import { extendedErrorOption, extendedErrors } from "./edns.ts";

const edns = (...options: { code: number; data: Uint8Array }[]) => ({
  udpPayloadSize: 1232,
  version: 0,
  do: false,
  options,
});

test("extendedErrorOption writes number and UTF-8 text", () => {
  expect(extendedErrorOption({ code: 0x1234, text: "ü" })).toEqual({
    code: 15,
    data: Uint8Array.of(0x12, 0x34, 0xc3, 0xbc),
  });
});

test("extendedErrors reads back what extendedErrorOption wrote, other options between", () => {
  const errors = [
    { code: 22, text: "no upstream answers" },
    { code: 65535, text: "" },
    { code: 0, text: "\ufeffü" },
  ];
  const [first, ...others] = errors.map(extendedErrorOption);
  expect(extendedErrors(edns(first!, { code: 10, data: new Uint8Array(8) }, ...others))).toEqual(errors);
});

test("extendedErrors bears a NUL at the end, octets that are not UTF-8 and half a number", () => {
  const option = (...octets: number[]) => ({ code: 15, data: Uint8Array.from(octets) });
  expect(extendedErrors(edns(option(0, 3, 0x61, 0), option(0, 4, 0xff, 0x61), option(5), option()))).toEqual([
    { code: 3, text: "a" },
    { code: 4, text: "\ufffda" },
  ]);
});

test("extendedErrors of a message without EDNS are none", () => {
  expect(extendedErrors(undefined)).toEqual([]);
});
