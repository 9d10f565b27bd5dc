import { expect, test } from "vitest";
import type { Way } from "../base/flow.ts";
import { fakeClock } from "../upstream/fake-clock.suite.ts";
import type { Line } from "./flows.ts";
import { LINE_MS, restingLines } from "./resting-lines.ts";

const connect = () => expect.fail("nothing is connected here");

function start() {
  const clock = fakeClock();
  const released: number[] = [];
  const resting = restingLines({ release: ({ index }) => released.push(index), clock });
  let index = 0;
  const line = (way: Way): Line => {
    const set = undefined as unknown as Line["set"];
    return { fd: -1, index: index++, set, way, since: clock.now() };
  };
  return { clock, released, resting, line };
}

test("a line is taken once, for the way that it is of", () => {
  const { resting, line } = start();
  const way = { connect };
  const put = line(way);
  expect(resting.put(put)).toBe(true);
  expect(resting.take({ connect })).toBeUndefined();
  expect(resting.take(way)).toBe(put);
  expect(resting.take(way)).toBeUndefined();
});

test("its time begins when it is connected, and neither rest nor use prolongs it", () => {
  const { clock, released, resting, line } = start();
  const way = { connect };
  const put = line(way);
  for (let ms = 0; ms < LINE_MS; ms += 10) {
    expect(resting.put(put)).toBe(true);
    expect(resting.take(way)).toBe(put);
    clock.advance(10);
  }
  expect(resting.put(put)).toBe(false);
  expect(released).toEqual([]);
});

test("what nobody takes is released soon after its time, and then nothing waits any more", () => {
  const { clock, released, resting, line } = start();
  const way = { connect };
  resting.put(line(way));
  clock.advance(LINE_MS / 2);
  resting.put(line({ connect }));
  clock.advance(2 * LINE_MS);
  expect(released).toEqual([0, 1]);
  expect(resting.take(way)).toBeUndefined();
  expect(clock.waiting).toBe(0);
});

test("a line whose time was over while nobody looked is released, not taken", () => {
  const { clock, released, resting, line } = start();
  const way = { connect };
  resting.put(line(way));
  clock.advance(LINE_MS - 1);
  resting.put(line(way));
  // The first sweep has released the first one, and is not due again before the second is over, too.
  clock.advance(LINE_MS);
  expect(resting.take(way)).toBeUndefined();
  expect(released).toEqual([0, 1]);
});

test("a burst leaves no more than a thousand", () => {
  const { resting, line } = start();
  const way = { connect };
  const put = Array.from({ length: 3000 }, () => resting.put(line(way)));
  expect(put.filter(Boolean)).toHaveLength(1024);
});
