import { expect, test } from "vitest";
import { frame } from "./frame.ts";

test("frame puts the length before the message, the higher octet first", () => {
  expect([...frame(new Uint8Array([7, 8, 9]))]).toEqual([0, 3, 7, 8, 9]);
  const framed = frame(new Uint8Array(65_535));
  expect([framed[0], framed[1], framed.length]).toEqual([255, 255, 65_537]);
});
