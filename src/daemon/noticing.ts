import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../base/clock.ts";

/** How long the data plane may go on giving what came from servers that the host's file names no more. */
const LOOK_MS = 500;

/** Looks at something again and again, and calls `changed` when it is another than before. Returns what ends it. */
export function noticing<T>(options: {
  readonly clock: Clock;
  readonly look: () => T;
  readonly changed: () => void;
}): () => void {
  const { clock, look, changed } = options;
  let seen = look();
  let cancel = clock.after(LOOK_MS, again);

  function again(): void {
    const now = look();
    if (!isDeepStrictEqual(now, seen)) changed();
    seen = now;
    cancel = clock.after(LOOK_MS, again);
  }

  return () => cancel();
}
