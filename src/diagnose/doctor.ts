import { setMaxListeners } from "node:events";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Exchange } from "../upstream/exchange.ts";
import type { HostResolvConf } from "../upstream/host-resolv-conf.ts";
import { asker } from "./ask.ts";
import type { Check, Found, Outcome } from "./check.ts";
import type { Context, Surroundings } from "./context.ts";
import type { CheckReport, DoctorReport } from "./finding.ts";
import { openSandboxes } from "./sandbox.ts";

/** Some of what is looked for is silence, so it takes its time; nobody waits longer than this. */
const RUN_MS = 9_000;

export interface Run {
  readonly surroundings: Surroundings;
  readonly checks: readonly Check[];
  readonly hostResolvConf: HostResolvConf;
  readonly exchange: Exchange;
  readonly log: Logger;
  /** Called as each check ends. */
  readonly checked: (report: CheckReport) => void;
  /** Ends the run early. */
  readonly signal: AbortSignal;
}

/**
 * Runs all checks at once over one view of things. A check that throws, or that is not done in time, is reported as
 * skipped with the reason; it takes nothing else down.
 */
export async function runDoctor(run: Run): Promise<DoctorReport> {
  const { surroundings, exchange, log } = run;
  const { clock, registry } = surroundings;
  const began = clock.now();
  const over = new AbortController();
  // One listener for each check and each question under way.
  setMaxListeners(0, over.signal);
  const end = () => over.abort(new Error(`the doctor's ${RUN_MS / 1000} s were over`));
  const cancel = clock.after(RUN_MS, end);
  run.signal.addEventListener("abort", end);
  const sandboxes = openSandboxes(registry.containers());
  const context: Context = {
    ...surroundings,
    host: run.hostResolvConf.current(),
    sandboxes,
    ask: asker({ exchange, clock, signal: over.signal }),
    signal: over.signal,
  };

  async function outcomeOf(check: Check): Promise<Examined> {
    const outcome = await inTime(check.run(context), over.signal).catch((error: unknown): Outcome => {
      if (!over.signal.aborted) log.warn({ check: check.code, err: error }, "a check of the doctor failed");
      return { skipped: `it could not be finished: ${messageOf(error)}` };
    });
    const examined = examine(check, outcome);
    run.checked(examined.report);
    return examined;
  }

  try {
    const examined = await Promise.all(run.checks.map(outcomeOf));
    return {
      findings: examined.flatMap(({ code, found }) => found.map((each) => ({ code, ...each }))),
      checks: examined.map(({ report }) => report),
      entered: sandboxes.open.length,
      notEntered: sandboxes.closed.map(({ container, reason }) => ({ container: container.name, reason })),
      ms: Math.round(clock.now() - began),
    };
  } finally {
    cancel();
    run.signal.removeEventListener("abort", end);
    end();
    sandboxes.close();
  }
}

interface Examined {
  readonly code: string;
  readonly found: readonly Found[];
  readonly report: CheckReport;
}

function examine({ code }: Check, outcome: Outcome): Examined {
  if ("skipped" in outcome)
    return { code, found: [], report: { code, state: "skipped", reason: outcome.skipped } };
  return {
    code,
    found: outcome,
    report: { code, state: outcome.length > 0 ? "found" : "ok", reason: null },
  };
}

/** Rejects when the time is over, whatever the work still does. */
function inTime<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const give = () => reject(signal.reason);
    if (signal.aborted) give();
    signal.addEventListener("abort", give, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", give));
  });
}
