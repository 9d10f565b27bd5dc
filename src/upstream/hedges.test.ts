import { expect, it } from "vitest";
import { hedges } from "./hedges.ts";

it("hedges are one query in twenty, after a burst", () => {
  const budget = hedges();
  const spent = (queries: number) => {
    let count = 0;
    for (let query = 0; query < queries; query++) {
      budget.earn();
      if (budget.spend()) count++;
    }
    return count;
  };
  expect(spent(1000)).toBeLessThanOrEqual(50 + 50);
  expect(spent(1000)).toBeGreaterThanOrEqual(49);
  expect(spent(1000)).toBeLessThanOrEqual(51);
});

it("hedges do not add up beyond the burst", () => {
  const budget = hedges({ share: 0.5, burst: 3 });
  for (let query = 0; query < 100; query++) budget.earn();
  expect([1, 2, 3, 4].map(() => budget.spend())).toEqual([true, true, true, false]);
});
