/** What a step of the pipeline wants remembered, as plain JSON values. */
export type Detail = Readonly<Record<string, unknown>>;

/** One decision on the way to an answer; `us` is microseconds since the query began. */
export interface Step {
  readonly who: string;
  readonly decision: string;
  readonly detail: Detail;
  readonly us: number;
}

/** Where the pipeline's parts write what they decided, and why. */
export interface Trace {
  /** `detail` is a function where it costs something to make: it is called only if somebody listens. */
  step(who: string, decision: string, detail?: Detail | (() => Detail)): void;
}

/** The trace of every ordinary query: it forgets. */
export const noTrace: Trace = { step() {} };

/** A trace that keeps its steps, for `explain` and for tests. `now` gives microseconds. */
export function recordingTrace(now: () => number): Trace & { readonly steps: readonly Step[] } {
  const steps: Step[] = [];
  const begin = now();
  return {
    steps,
    step(who, decision, detail = {}) {
      steps.push({
        who,
        decision,
        detail: typeof detail === "function" ? detail() : detail,
        us: now() - begin,
      });
    },
  };
}
