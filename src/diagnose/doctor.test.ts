import { describe, expect, test } from "vitest";
import { silentLog } from "../base/log.ts";
import { readConfig } from "../config/load.ts";
import { createRegistry } from "../registry/registry.ts";
import { fakeClock } from "../upstream/fake-clock.suite.ts";
import type { Check } from "./check.ts";
import { type Context, entered } from "./context.ts";
import { runDoctor } from "./doctor.ts";
import type { CheckReport } from "./finding.ts";

const found = { severity: "error", subject: "web", text: "wrong", evidence: {}, remedy: "mend it" } as const;

function setUp(checks: readonly Check[]) {
  const clock = fakeClock();
  const progress: CheckReport[] = [];
  const leaving = new AbortController();
  const config = readConfig("", "eleven.yaml");
  const servers = { servers: [], conf: { nameservers: [], search: [], options: [], other: [], invalid: [] } };
  const running = runDoctor({
    surroundings: {
      clock,
      registry: createRegistry({ clock, host: "test" }),
      config,
      upstreams: [],
      leadsBack: async () => false,
      isAttached: () => false,
    },
    checks,
    hostResolvConf: { current: () => servers },
    exchange: () => new Promise(() => {}),
    log: silentLog,
    checked: (report) => progress.push(report),
    signal: leaving.signal,
  });
  return { clock, progress, running, leaving };
}

describe("a run of the doctor", () => {
  test("tells of each check as it ends, and of findings in the checks' order, with their code", async () => {
    let release = () => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { progress, running } = setUp([
      { code: "slow", run: () => held.then(() => [found]) },
      { code: "quick", run: async () => [found, found] },
      { code: "well", run: async () => [] },
    ]);
    await Promise.resolve().then(() => new Promise<void>((resolve) => setImmediate(resolve)));
    expect(progress.map(({ code, state }) => `${code} ${state}`)).toEqual(["quick found", "well ok"]);
    release();
    const { findings, checks } = await running;
    expect(findings.map(({ code }) => code)).toEqual(["slow", "quick", "quick"]);
    expect(checks).toEqual([
      { code: "slow", state: "found", reason: null },
      { code: "quick", state: "found", reason: null },
      { code: "well", state: "ok", reason: null },
    ]);
  });

  test("has as many checks as one likes, without a warning of Node", async () => {
    const warnings: Error[] = [];
    const warned = (warning: Error) => void warnings.push(warning);
    process.on("warning", warned);
    const checks = Array.from({ length: 30 }, (_, i) => ({ code: `c${i}`, run: async () => [] }));
    await setUp(checks).running;
    await new Promise<void>((resolve) => setImmediate(resolve));
    process.off("warning", warned);
    expect(warnings).toEqual([]);
  });

  test("goes on after a check that throws, which is reported as skipped with the reason", async () => {
    const { running } = setUp([
      {
        code: "broken",
        run: async () => {
          throw new Error("no such table");
        },
      },
      { code: "whole", run: async () => [found] },
    ]);
    const { checks, findings } = await running;
    expect(checks[0]).toEqual({
      code: "broken",
      state: "skipped",
      reason: "it could not be finished: no such table",
    });
    expect(findings).toHaveLength(1);
  });

  test("waits for nothing longer than nine seconds", async () => {
    const { clock, running } = setUp([{ code: "stuck", run: () => new Promise(() => {}) }]);
    clock.advance(9_000);
    expect((await running).checks).toMatchObject(
      [{ state: "skipped", reason: /9 s were over/ }].map(matching),
    );
  });

  test("ends when nobody waits for it any more", async () => {
    const { leaving, running } = setUp([{ code: "stuck", run: () => new Promise(() => {}) }]);
    leaving.abort();
    expect((await running).checks).toMatchObject([{ code: "stuck", state: "skipped" }]);
  });

  test("a check that needs a look into containers is skipped where there is none, with the reason", async () => {
    const looking = async (context: Context) => {
      const sandboxes = entered(context);
      return "skipped" in sandboxes ? sandboxes : [];
    };
    const { running } = setUp([{ code: "looking", run: looking }]);
    expect((await running).checks).toEqual([
      { code: "looking", state: "skipped", reason: "no source knows a container" },
    ]);
  });
});

function matching<T extends { reason: RegExp }>(report: T) {
  return { ...report, reason: expect.stringMatching(report.reason) };
}
