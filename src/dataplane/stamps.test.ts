import { describe, expect, test } from "vitest";
import { holds, STAMPS_OCTETS, stamps } from "./stamps.ts";

const LAST = 0xffff_fff0;

function fresh(renew = () => {}) {
  const memory = new SharedArrayBuffer(STAMPS_OCTETS);
  const words = new Uint32Array(memory);
  return { words, moments: stamps(memory, renew) };
}

describe("stamps", () => {
  test("what was begun before a change of its tag holds no more, what was begun after it does", () => {
    const { words, moments } = fresh();
    const before = moments.now();
    expect(holds(words, before, 5)).toBe(true);
    moments.touch([5, 0xffff]);
    expect([5, 0xffff, 6, 0].map((tag) => holds(words, before, tag))).toEqual([false, false, true, true]);
    expect([5, 0xffff].map((tag) => holds(words, moments.now(), tag))).toEqual([true, true]);
  });

  test("nothing that was begun before a change of everything holds", () => {
    const { words, moments } = fresh();
    moments.touch([1]);
    const before = moments.now();
    moments.touchAll();
    expect([0, 1, 2].map((tag) => holds(words, before, tag))).toEqual([false, false, false]);
    expect(holds(words, moments.now(), 1)).toBe(true);
  });

  test("each change is a moment of its own, also one that touches nothing", () => {
    const { moments } = fresh();
    const seen = [moments.now()];
    for (const change of [() => moments.touch([]), () => moments.touch([1, 1]), () => moments.touchAll()]) {
      change();
      seen.push(moments.now());
    }
    expect(seen).toEqual([0, 1, 2, 3]);
  });

  test.each(["touch", "touchAll"] as const)(
    "when moments end, %s makes all answers unreachable once",
    (change) => {
      let renewed = 0;
      const { words, moments } = fresh(() => {
        renewed += 1;
      });
      moments.touch([9]);
      words[0] = LAST - 1;
      const step = () => (change === "touch" ? moments.touch([7]) : moments.touchAll());
      step();
      expect([renewed, moments.now()]).toEqual([0, LAST]);
      step();
      expect([renewed, moments.now()]).toEqual([1, 1]);
      // What is worked out now must not be held back by what was touched before.
      expect([7, 9].map((tag) => holds(words, moments.now(), tag))).toEqual([true, true]);
      expect(holds(words, 0, change === "touch" ? 7 : 1)).toBe(false);
    },
  );
});
