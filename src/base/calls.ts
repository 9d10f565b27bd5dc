/** Calls to be made once, each of which can be taken back before. A linked list, and no Set: see `brief-map.ts`. */
export class Calls {
  #first: Call | undefined;
  #last: Call | undefined;

  /** Returns what takes it back. */
  add(call: () => void): () => void {
    const added: Call = { call, before: this.#last, after: undefined, isIn: true };
    if (this.#last === undefined) this.#first = added;
    else this.#last.after = added;
    this.#last = added;
    return () => this.#remove(added);
  }

  /** Makes those that are there now, but for what one of them takes back before its turn. */
  makeAll(): void {
    const all: Call[] = [];
    for (let next = this.#first; next !== undefined; next = next.after) all.push(next);
    for (const each of all) if (this.#remove(each)) each.call();
  }

  #remove(call: Call): boolean {
    if (!call.isIn) return false;
    const { before, after } = call;
    if (before === undefined) this.#first = after;
    else before.after = after;
    if (after === undefined) this.#last = before;
    else after.before = before;
    call.isIn = false;
    // Whatever keeps it must not keep the others, too.
    call.before = undefined;
    call.after = undefined;
    return true;
  }
}

interface Call {
  readonly call: () => void;
  before: Call | undefined;
  after: Call | undefined;
  isIn: boolean;
}
