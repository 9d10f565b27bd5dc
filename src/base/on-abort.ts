import { Calls } from "./calls.ts";
import { Stopper } from "./stopper.ts";

/** What ends a wait. */
export type Signal = AbortSignal | Stopper;

/**
 * Calls back once when the signal aborts; returns what cancels that. Does not call for a signal that has aborted
 * before.
 *
 * One listener serves all callers of an AbortSignal, since thousands of queries may share the one that ends the
 * daemon: an EventTarget looks through all of its listeners to add or remove one, and warns beyond ten.
 */
export function onAbort(signal: Signal, call: () => void): () => void {
  if (signal instanceof Stopper) return signal.add(call);
  let calls = bySignal.get(signal);
  if (calls === undefined) {
    const all = new Calls();
    calls = all;
    bySignal.set(signal, all);
    signal.addEventListener("abort", () => all.makeAll(), { once: true });
  }
  return calls.add(call);
}

const bySignal = new WeakMap<AbortSignal, Calls>();
