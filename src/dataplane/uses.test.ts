import { expect, test } from "vitest";
import { USES, useMarks } from "./uses.ts";

test("what a worker has marked is told once, and of no other number", () => {
  const memory = new SharedArrayBuffer(USES);
  const marks = useMarks(memory);
  const [one, other] = [marks.nextMark(), marks.nextMark()];
  new Uint8Array(memory)[one] = 1;
  expect([marks.take(other), marks.take(one), marks.take(one)]).toEqual([false, true, false]);
});

test("numbers are never 0, and come again only after all others", () => {
  const marks = useMarks(new SharedArrayBuffer(USES));
  const seen = new Set(Array.from({ length: USES - 1 }, () => marks.nextMark()));
  expect([seen.size, seen.has(0), seen.has(USES)]).toEqual([USES - 1, false, false]);
  expect(marks.nextMark()).toBe(1);
});
