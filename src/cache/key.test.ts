import { expect, test } from "vitest";
import { RrType } from "../wire/iana.ts";
import { keyOf, nameInKey, scopeNumbers } from "./key.ts";
import { aQuery } from "./scripted.suite.ts";

test("letter case makes no other key; scope, type, DO and CD do", () => {
  const key = keyOf(1, aQuery("www.example.org."));
  expect(keyOf(1, aQuery("WWW.Example.ORG."))).toBe(key);
  const others = [
    keyOf(2, aQuery("www.example.org.")),
    keyOf(1, aQuery("www.example.org.", { type: RrType.AAAA })),
    keyOf(1, aQuery("www.example.org.", { do: true })),
    keyOf(1, aQuery("www.example.org.", { cd: true })),
    keyOf(1, aQuery("www.example.com.")),
  ];
  expect(new Set([key, ...others]).size).toBe(6);
});

test.each(["www.example.org.", "a/b.example.", ".", "1/2/00/x."])("%s is found again in a key", (name) => {
  expect(nameInKey(keyOf(12, aQuery(name)))).toBe(name);
});

test("a scope has one number, and one that was forgotten among many gets another", () => {
  const number = scopeNumbers();
  const first = number("host 192.0.2.53");
  expect(number("host 192.0.2.53")).toBe(first);
  for (let i = 0; i < 10_000; i++) number(`container ${i}`);
  expect(number("host 192.0.2.53")).toBeGreaterThan(10_000);
});
