import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { COLUMNS } from "./memory.ts";
import { type Labels, tallies } from "./tallies.ts";

const ROWS = 4;
const labels = (qtype: string, rcode = "NOERROR", origin = "registry"): Labels => ({ qtype, rcode, origin });

function fresh(workers: number) {
  const memory = Array.from({ length: workers }, () => new SharedArrayBuffer(4 * ROWS * COLUMNS));
  const counts = memory.map((each) => new Uint32Array(each));
  return { counts, of: tallies(memory) };
}

function drained(of: ReturnType<typeof tallies>, row: number) {
  const told: Record<string, number> = {};
  of.drain(row, ({ qtype, rcode, origin }, count) => {
    const key = `${qtype} ${rcode} ${origin}`;
    expect([count > 0, told[key]]).toEqual([true, undefined]);
    told[key] = count;
  });
  return told;
}

describe("tallies", () => {
  test("tells of every count once, from whichever worker", () => {
    const step = fc.record({
      worker: fc.nat(1),
      row: fc.nat(ROWS - 1),
      column: fc.nat(2),
      count: fc.oneof(fc.nat(9), fc.constantFrom(2 ** 31, 2 ** 32 - 1)),
      drain: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const { counts, of } = fresh(2);
        const columns = ["A", "AAAA", "PTR"].map((qtype) => of.column(labels(qtype))!);
        const expected = new Map<string, number>();
        for (const { worker, row, column, count, drain } of steps) {
          const key = `${worker} ${row} ${column}`;
          // No worker counts round 32 bits between two times that it is asked.
          if ((expected.get(key) ?? 0) + count >= 2 ** 32) continue;
          Atomics.add(counts[worker]!, row * COLUMNS + columns[column]!, count);
          expected.set(key, (expected.get(key) ?? 0) + count);
          if (!drain) continue;
          const wanted: Record<string, number> = {};
          for (const [i, qtype] of ["A", "AAAA", "PTR"].entries()) {
            const sum = [0, 1].reduce((all, w) => all + (expected.get(`${w} ${row} ${i}`) ?? 0), 0);
            if (sum > 0) wanted[`${qtype} NOERROR registry`] = sum;
            for (const w of [0, 1]) expected.delete(`${w} ${row} ${i}`);
          }
          expect(drained(of, row)).toEqual(wanted);
        }
      }),
      { numRuns: 300 },
    );
  });

  test("a count that comes round to nought is told at once", () => {
    const { counts, of } = fresh(1);
    const column = of.column(labels("A"))!;
    counts[0]![COLUMNS + column] = 2 ** 32 - 3;
    expect(drained(of, 1)).toEqual({ "A NOERROR registry": 2 ** 32 - 3 });
    Atomics.add(counts[0]!, COLUMNS + column, 3);
    expect(drained(of, 1)).toEqual({ "A NOERROR registry": 3 });
    Atomics.add(counts[0]!, COLUMNS + column, 2);
    expect(drained(of, 1)).toEqual({ "A NOERROR registry": 2 });
    expect(drained(of, 1)).toEqual({});
  });

  test("the same labels share a column, and when all are taken others get none", () => {
    const { of } = fresh(1);
    const columns = Array.from({ length: COLUMNS }, (_, i) => of.column(labels(String(i))));
    expect(new Set(columns).size).toBe(COLUMNS);
    expect([of.column(labels("one more")), of.column(labels("0", "NXDOMAIN"))]).toEqual([
      undefined,
      undefined,
    ]);
    expect(of.column(labels("7"))).toBe(columns[7]);
    expect(of.labelsOf(columns[7]!)).toEqual(labels("7"));
    expect(of.labelsOf(COLUMNS)).toBeUndefined();
  });
});
