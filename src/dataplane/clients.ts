import { CLIENTS_MAX } from "./memory.ts";
import type { Quiescence } from "./quiescence.ts";

/** Views with the same signature share one number; a signature that is told later than so many others gets a new one. */
const VIEWS_KEPT = 16_384;

/** Whom answers are counted for that went to a sandbox which was gone before it asked: the host, as there are no others. */
const NOBODY = "";

/** One that asks, as the workers know it: the host, or a sandbox. */
export interface ClientRow {
  readonly row: number;
  /** Its view at this moment; 0 after `forget`, until `of` is asked again. */
  readonly view: number;
  /** Another one for each view it has had: an answer belongs to the one that it had when it was worked out. */
  readonly generation: number;
}

/** The rows of those who ask. A row is what the workers count under, and where they find the view. */
export interface Clients {
  /** With its view, worked out if it is not known; undefined if there is no row for it now. */
  of(sandbox: string | undefined): ClientRow | undefined;
  /** What the sandbox sees may be something else: the workers hand over its queries until `of` is asked again. */
  forget(sandbox: string): void;
  forgetAll(): void;
  /** Whose row it is; undefined for the host's and for one that is free. */
  sandboxOf(row: number): string | undefined;
  /** Under whose name the row is counted, as of when its view was last worked out: its sandbox may be gone by now. */
  ownerOf(row: number): string | undefined;
  rows(): Iterable<number>;
}

export function clients(options: {
  readonly views: SharedArrayBuffer;
  /** Equal for those who get equal answers. */
  readonly signature: (sandbox: string | undefined) => string;
  /** Under whose name it is counted; undefined if it is gone. */
  readonly owner: (sandbox: string | undefined) => string | undefined;
  readonly exists: (sandbox: string) => boolean;
  readonly quiescence: Quiescence;
  /** Called when rows are nobody's any more: who has noted one must forget it. */
  readonly leave: (rows: readonly number[]) => void;
  /** Called before a row is somebody else's. */
  readonly settle: (row: number) => void;
}): Clients {
  const { signature, owner, exists, quiescence, leave, settle } = options;
  const views = new Uint32Array(options.views);
  const known = new Map<string | undefined, { row: number; view: number; generation: number }>();
  const sandboxes = new Map<number, string | undefined>();
  const owners = new Map<number, string>();
  const interned = new Map<string, number>();
  let lastView = 0;
  /** Of all of them: a sandbox may go and come back under the same key. */
  let lastGeneration = 0;
  let unused = 1;
  let free: number[] = [];
  let leaving: { readonly mark: readonly number[]; readonly rows: number[] } | undefined;

  function intern(text: string): number {
    const view = interned.get(text);
    if (view !== undefined) return view;
    if (interned.size >= VIEWS_KEPT) interned.clear();
    // Never the number that marks clients, and never 0.
    lastView = lastView >= 0xffff_fff0 ? 1 : lastView + 1;
    interned.set(text, lastView);
    return lastView;
  }

  function nextGeneration(): number {
    lastGeneration += 1;
    return lastGeneration;
  }

  function newRow(): number | undefined {
    if (unused < CLIENTS_MAX) return unused++;
    if (free.length === 0) reclaim();
    return free.pop();
  }

  /** Rows of sandboxes that are gone, once no worker can be counting in them. */
  function reclaim(): void {
    if (leaving !== undefined && quiescence.hasPassed(leaving.mark)) {
      for (const row of leaving.rows) {
        settle(row);
        sandboxes.delete(row);
        owners.delete(row);
      }
      free = leaving.rows;
      leaving = undefined;
    }
    if (leaving !== undefined) return;
    const rows: number[] = [];
    for (const [sandbox, client] of known) {
      if (sandbox === undefined || exists(sandbox)) continue;
      known.delete(sandbox);
      Atomics.store(views, client.row, 0);
      rows.push(client.row);
    }
    if (rows.length === 0) return;
    leave(rows);
    leaving = { mark: quiescence.mark(), rows };
  }

  function forgetView(client: { row: number; view: number; generation: number } | undefined): void {
    if (client === undefined || client.view === 0) return;
    client.view = 0;
    client.generation = nextGeneration();
    Atomics.store(views, client.row, 0);
  }

  return {
    of(sandbox) {
      let client = known.get(sandbox);
      if (client === undefined) {
        const row = newRow();
        if (row === undefined) return undefined;
        client = { row, view: 0, generation: nextGeneration() };
        known.set(sandbox, client);
        sandboxes.set(row, sandbox);
      }
      if (client.view === 0) {
        client.view = intern(signature(sandbox));
        owners.set(client.row, owner(sandbox) ?? owners.get(client.row) ?? NOBODY);
        Atomics.store(views, client.row, client.view);
      }
      return { ...client };
    },
    forget: (sandbox) => forgetView(known.get(sandbox)),
    forgetAll() {
      for (const client of known.values()) forgetView(client);
    },
    sandboxOf: (row) => sandboxes.get(row),
    ownerOf: (row) => owners.get(row),
    rows: () => sandboxes.keys(),
  };
}
