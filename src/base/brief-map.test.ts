import fc from "fast-check";
import { expect, test } from "vitest";
import { BriefMap } from "./brief-map.ts";

const key = fc.oneof(fc.nat({ max: 5 }), fc.constantFrom("a", "b", "__proto__", "toString"));

test("a BriefMap holds what a Map would", () => {
  const step = fc.record({ key, deletes: fc.boolean(), value: fc.nat() });
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const brief = new BriefMap<number>();
      const model = new Map<string, number>();
      for (const { key, deletes, value } of steps) {
        if (deletes) expect(brief.delete(key)).toBe(model.delete(String(key)));
        else {
          brief.set(key, value);
          model.set(String(key), value);
        }
        expect(brief.get(key)).toBe(model.get(String(key)));
        expect(brief.has(key)).toBe(model.has(String(key)));
        expect(brief.size).toBe(model.size);
        expect([...brief.keys()].sort()).toEqual([...model.keys()].sort());
        expect([...brief.values()].sort()).toEqual([...model.values()].sort());
      }
    }),
  );
});
