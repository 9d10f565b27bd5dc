import { expect, test } from "vitest";
import { nameGlob } from "./name-glob.ts";

test.each<[string, string, boolean]>([
  ["web", "web.", true],
  ["WEB.shop.", "web.Shop.", true],
  ["web", "web.shop.", false],
  ["*.shop", "a.b.shop.", true],
  ["*.shop", "shop.", false],
  ["web-?", "web-1.", true],
  ["web-?", "web-10.", false],
  ["*", ".", true],
  [".", ".", true],
  ["*a*b*c*", "xxaxxbxxc.", true],
  ["*a*b*c", "xxaxxbxxcx.", false],
  ["", "web.", false],
  ["w[e]b", "web.", false],
])("%s means %s: %s", (glob, name, is) => {
  expect(nameGlob(glob)(name)).toBe(is);
});

test("a glob of many stars ends", () => {
  expect(nameGlob("*a".repeat(60))("a".repeat(59) + "b".repeat(190))).toBe(false);
});
