/**
 * What an AbortController and its signal are, in one object and without an EventTarget: a query takes two of them, and
 * to make, listen to and forget an AbortSignal costs as much as the query's system calls.
 */
export class Stopper {
  #isAborted = false;
  #reason: unknown;
  #calls: Set<() => void> | undefined;

  get aborted(): boolean {
    return this.#isAborted;
  }

  get reason(): unknown {
    return this.#reason;
  }

  throwIfAborted(): void {
    if (this.#isAborted) throw this.#reason;
  }

  /** Once; whatever comes later changes nothing. */
  abort(reason: unknown): void {
    if (this.#isAborted) return;
    this.#isAborted = true;
    this.#reason = reason;
    if (this.#calls !== undefined) runAll(this.#calls);
  }

  /** For `onAbort`. */
  add(call: () => void): () => void {
    this.#calls ??= new Set();
    return addTo(this.#calls, call);
  }
}

/** Adds a call to a set for `runAll`; returns what takes it out again. */
export function addTo(calls: Set<() => void>, call: () => void): () => void {
  // A function of this call's own, so that the same `call` may be given twice.
  const entry = () => call();
  calls.add(entry);
  return () => calls.delete(entry);
}

export function runAll(calls: Set<() => void>): void {
  for (const call of [...calls]) {
    // One of those before may have cancelled it.
    if (calls.delete(call)) call();
  }
}
