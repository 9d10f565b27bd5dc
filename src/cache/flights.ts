import type { Clock } from "../base/clock.ts";
import { onAbort } from "../base/on-abort.ts";
import type { Answer, Query, Resolver } from "../resolver/resolver.ts";

/** How a question ended: with an answer, or a decline; or with what was thrown. */
export type Outcome = { readonly answer: Answer | undefined } | { readonly thrown: unknown };

/** One question that is being asked, for all who want to know. */
export interface Flight {
  /** Milliseconds, when it was first asked. */
  readonly since: number;
  /** Never rejects, so that a flight may end with nobody waiting. */
  readonly outcome: Promise<Outcome>;
  /** The same for one who joins, admitted as a query of its own. */
  readonly join: (query: Query) => Promise<Outcome>;
}

export function settle(answering: ReturnType<Resolver["resolve"]>): Promise<Outcome> {
  return Promise.resolve(answering).then(
    (answer) => ({ answer }),
    (thrown: unknown) => ({ thrown }),
  );
}

/** A resolver that has only this to say. */
export function saying(name: string, outcome: Promise<Outcome>): Resolver {
  return {
    name,
    async resolve() {
      const ended = await outcome;
      if ("thrown" in ended) throw ended.thrown;
      return ended.answer;
    },
  };
}

/** Why somebody did not wait for the end of a flight. */
export type Impatience = "late" | "aborted";

/** Waits for the outcome, but not beyond `ms` if that is said, nor after `signal` has aborted. */
export function patiently(
  outcome: Promise<Outcome>,
  { clock, ms, signal }: { clock: Clock; ms: number | undefined; signal: AbortSignal },
): Promise<Outcome | Impatience> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve("aborted");
    if (ms !== undefined && ms <= 0) return resolve("late");
    const cancel = ms === undefined ? () => {} : clock.after(ms, () => end("late"));
    const forget = onAbort(signal, () => end("aborted"));
    function end(how: Outcome | Impatience): void {
      cancel();
      forget();
      resolve(how);
    }
    void outcome.then(end);
  });
}
