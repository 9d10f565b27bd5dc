import { expect, test } from "vitest";
import { Tokens } from "./tokens.ts";

test.each([
  ["", []],
  ["  \t ; only a comment", []],
  ["a b\tc\n", ["a", "b", "c"]],
  ['"a b" c', ["a b", "c"]],
  ['"a;b(c)" d;e', ["a;b(c)", "d"]],
  ['alpn="h2,h3" x', ["alpn=h2,h3", "x"]],
  ['"a"b"c"', ["abc"]],
  ['"" x', ["", "x"]],
  ['a\\ b \\"c', ["a\\ b", '\\"c']],
  ['"a\\"b\\\\"', ['a\\"b\\\\']],
  ["( a ( b ) )", ["a", "b"]],
])("Tokens divides %j into %j", (line, expected) => {
  expect(new Tokens(line).rest().map(({ text }) => text)).toEqual(expected);
});

test("Tokens knows which word was in quotes", () => {
  expect(new Tokens('"\\#" \\#').rest().map(({ isQuoted }) => isQuoted)).toEqual([true, false]);
});

test.each(['"open', "a\\", '"a\\"'])("Tokens refuses %j", (line) => {
  expect(() => new Tokens(line)).toThrow(expect.objectContaining({ reason: "text" }));
});

test("Tokens gives one word after the other, and none twice", () => {
  const tokens = new Tokens("a b c");
  expect([tokens.peek()?.text, tokens.next().text, tokens.next().text]).toEqual(["a", "a", "b"]);
  expect(tokens.rest().map(({ text }) => text)).toEqual(["c"]);
  expect(tokens.peek()).toBeUndefined();
  expect(() => tokens.next()).toThrow(expect.objectContaining({ reason: "text" }));
});
