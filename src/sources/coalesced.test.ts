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

test("a call at any moment between two runs begins no third beside them", async () => {
  let [running, most] = [0, 0];
  let finish = () => {};
  const call = coalesced(async () => {
    running += 1;
    most = Math.max(most, running);
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    running -= 1;
  });
  const calls = [call(), call()];
  let moment = Promise.resolve();
  finish();
  for (let i = 0; i < 10; i++) moment = moment.then(() => void calls.push(call()));
  await moment;
  while (running > 0) {
    finish();
    await new Promise((resolve) => setImmediate(resolve));
  }
  await Promise.all(calls);
  expect(most).toBe(1);
});
