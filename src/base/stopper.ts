import { Calls } from "./calls.ts";

/**
 * What an AbortController and its signal are, in one object and without an EventTarget: a query takes two of them, and
 * to make, listen to and forget an AbortSignal costs as much as the query's system calls.
 */
export class Stopper {
  #isAborted = false;
  #reason: unknown;
  #calls: Calls | undefined;

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
    this.#calls?.makeAll();
  }

  /** For `onAbort`. */
  add(call: () => void): () => void {
    this.#calls ??= new Calls();
    return this.#calls.add(call);
  }
}
