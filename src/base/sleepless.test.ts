import { expect, test } from "vitest";
import { sleepless } from "./sleepless.ts";

function clocks() {
  let [now, wall] = [0, 1_000_000];
  const time = sleepless({ now: () => now, wall: () => wall, after: () => () => {} });
  const pass = (nowMs: number, wallMs: number) => {
    now += nowMs;
    wall += wallMs;
    return time();
  };
  return { time, pass };
}

test("time passes as on the monotonic clock", () => {
  const { pass } = clocks();
  expect([pass(10, 10), pass(5000, 5400), pass(5000, 4600)]).toEqual([10, 5010, 10_010]);
});

test("sleep, which only the wall clock sees, counts", () => {
  const { pass } = clocks();
  expect([pass(10, 3_600_010), pass(10, 10)]).toEqual([3_600_010, 3_600_020]);
});

test("a wall clock that is set back changes nothing, and neither does its way to the old time", () => {
  const { pass } = clocks();
  expect([pass(10, -3_600_000), pass(10, 10)]).toEqual([10, 20]);
});
