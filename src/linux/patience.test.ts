import { expect, test } from "vitest";
import { patience } from "./patience.ts";

test("waits for 20 ms at once, and for a twentieth of the time in the long run", () => {
  let now = 1000;
  const patient = patience(() => now);
  let waited = 0;
  const inVain = (ms: number): boolean => {
    now += ms;
    waited += ms;
    return false;
  };
  expect([patient.wait(inVain), waited]).toEqual([false, 20]);
  expect([patient.wait(inVain), waited]).toEqual([false, 20]);
  for (waited = 0; now < 101_000; now += 0.5) patient.wait(inVain);
  expect(waited).toBeGreaterThan(4000);
  expect(waited).toBeLessThan(5100);
});

test("what comes is waited for again, for what is left", () => {
  let now = 0;
  const patient = patience(() => now);
  const asked: number[] = [];
  const soon = (ms: number): boolean => {
    asked.push(ms);
    now += 6;
    return true;
  };
  for (let time = 0; time < 3; time++) expect(patient.wait(soon)).toBe(true);
  expect(asked).toEqual([20, 14, 8]);
  now += 10_000;
  expect([patient.wait(soon), asked.at(-1)]).toEqual([true, 20]);
});
