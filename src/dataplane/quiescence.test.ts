import { expect, test } from "vitest";
import { quiescence } from "./quiescence.ts";

test("a mark has passed once each worker that worked has waited", () => {
  const workers = [new Int32Array(4), new Int32Array(4), new Int32Array(4)];
  const step = (which: number) => Atomics.add(workers[which]!, 0, 1);
  const quiet = quiescence(workers);
  expect(quiet.hasPassed(quiet.mark())).toBe(true);
  step(0);
  step(2);
  const mark = quiet.mark();
  expect(quiet.hasPassed(mark)).toBe(false);
  // One that waited at that moment may begin to work: it sees what was done before the mark.
  step(1);
  step(0);
  expect(quiet.hasPassed(mark)).toBe(false);
  step(0);
  step(2);
  expect(quiet.hasPassed(mark)).toBe(true);
  expect(quiet.hasPassed(quiet.mark())).toBe(false);
});

test("counts that come round the end of 32 bits pass as others do", () => {
  const words = Int32Array.of(-1);
  const quiet = quiescence([words]);
  const mark = quiet.mark();
  expect(quiet.hasPassed(mark)).toBe(false);
  Atomics.add(words, 0, 1);
  expect([words[0], quiet.hasPassed(mark)]).toEqual([0, true]);
});
