import fc from "fast-check";
import { expect, test } from "vitest";
import { Calls } from "./calls.ts";

test("those are called, in order, that nobody took back, however often and in what order others were", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 8 }), fc.array(fc.nat({ max: 7 })), (count, takenBack) => {
      const calls = new Calls();
      const called: number[] = [];
      const takes = Array.from({ length: count }, (_, i) => calls.add(() => called.push(i)));
      for (const i of takenBack) takes[i]?.();
      const last = calls.add(() => called.push(count));
      calls.makeAll();
      last();
      calls.makeAll();
      const left = takes.map((_, i) => i).filter((i) => !takenBack.includes(i));
      expect(called).toEqual([...left, count]);
    }),
  );
});
