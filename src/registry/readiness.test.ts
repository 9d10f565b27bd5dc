import { expect, test } from "vitest";
import { createReadiness } from "./readiness.ts";

test("names that nobody knows are held back until all that was announced has been told", () => {
  const readiness = createReadiness();
  readiness.expect("a");
  readiness.expect("b");
  readiness.synced("a");
  expect([readiness.ready, readiness.holding]).toEqual([false, true]);
  readiness.synced("b");
  expect([readiness.ready, readiness.holding]).toEqual([true, false]);
});

test("a source that is overdue holds no names back where another has told, and is awaited all the same", () => {
  const readiness = createReadiness();
  readiness.expect("a");
  readiness.expect("b");
  readiness.overdue("b");
  expect(readiness.holding).toBe(true);
  readiness.synced("a");
  expect([readiness.ready, readiness.holding, readiness.awaited()]).toEqual([false, false, ["b"]]);
});

test("the only source holds names back however long it is overdue", () => {
  const readiness = createReadiness();
  readiness.expect("a");
  readiness.overdue("a");
  expect(readiness.holding).toBe(true);
});
