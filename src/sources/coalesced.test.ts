import { expect, test } from "vitest";
import { coalesced } from "./coalesced.ts";

test("calls made while a run is under way share the next one, and wait for it", async () => {
  const runs: (() => void)[] = [];
  const call = coalesced(() => new Promise((resolve) => runs.push(resolve)));
  const done: string[] = [];
  const first = call().then(() => done.push("first"));
  const [second, third] = [call(), call()].map((one) => one.then(() => done.push("next")));
  expect(runs).toHaveLength(1);
  runs[0]!();
  await first;
  expect([runs.length, done]).toEqual([2, ["first"]]);
  runs[1]!();
  await Promise.all([second, third]);
  void call();
  expect([runs.length, done]).toEqual([3, ["first", "next", "next"]]);
});

test("a run that fails tells those that asked for it, and nobody else", async () => {
  let count = 0;
  const call = coalesced(async () => {
    count += 1;
    if (count === 1) throw new Error("no");
  });
  const outcomes = await Promise.allSettled([call(), call()]);
  expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "fulfilled"]);
});
