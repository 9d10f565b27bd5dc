import { expect, it } from "vitest";
import { nearest } from "./nearest.ts";

const known = ["socket", "listen", "resolvConf", "ttl", "fallbackUpstreams", "upstreams"];

it.each([
  ["listn", "listen"],
  ["lsiten", "listen"],
  ["Listen", "listen"],
  ["listening", undefined],
  ["resolv_conf", "resolvConf"],
  ["resolvconf", "resolvConf"],
  ["fallback-upstreams", "fallbackUpstreams"],
  ["upstream", "upstreams"],
  ["tll", "ttl"],
  ["x", undefined],
  ["", undefined],
])("nearest to %s is %s", (word, expected) => {
  expect(nearest(word, known)).toBe(expected);
});
