/**
 * Calls back once when the signal aborts; returns what cancels that. Does not call for a signal that has aborted
 * before.
 *
 * One listener serves all callers of a signal, since thousands of queries may share the one that ends the
 * daemon: an EventTarget looks through all of its listeners to add or remove one, and warns beyond ten.
 */
export function onAbort(signal: AbortSignal, call: () => void): () => void {
  let calls = bySignal.get(signal);
  if (calls === undefined) {
    const all = new Set<() => void>();
    calls = all;
    bySignal.set(signal, all);
    signal.addEventListener("abort", () => runAll(all), { once: true });
  }
  // A function of this call's own, so that the same `call` may be given twice.
  const entry = () => call();
  calls.add(entry);
  return () => calls.delete(entry);
}

const bySignal = new WeakMap<AbortSignal, Set<() => void>>();

function runAll(calls: Set<() => void>): void {
  for (const call of [...calls]) {
    // One of those before may have cancelled it.
    if (calls.delete(call)) call();
  }
}
