import type { RingReader } from "./ring.ts";

/** Messages that are taken before others of this thread's work get their turn. */
const A_TURN = 256;

/** Takes what comes through rings: some of each ring, then other work, until there is nothing. */
export interface Pump {
  /** To be called when a ring's writer says so. */
  woken(): void;
  /** Resolves when all that there is now is taken: what comes meanwhile may never end. */
  drain(): Promise<void>;
}

/** `take` reads `length` octets at `offset` before it returns. */
export function pump(
  rings: readonly RingReader[],
  take: (ring: RingReader, offset: number, length: number) => void,
): Pump {
  let isDue = false;

  function takeOne(ring: RingReader): boolean {
    const message = ring.next();
    if (message === undefined) return false;
    take(ring, message.offset, message.length);
    ring.release();
    return true;
  }

  function turn(): void {
    isDue = false;
    let isMore = false;
    for (const ring of rings) {
      let left = A_TURN;
      while (left > 0 && takeOne(ring)) left -= 1;
      if (left > 0) {
        ring.sleep();
        // What came before that was said has woken nobody.
        if (takeOne(ring)) left = 0;
      }
      if (left === 0) isMore = true;
    }
    if (isMore && !isDue) {
      isDue = true;
      setImmediate(turn);
    }
  }

  return {
    woken() {
      if (!isDue) turn();
    },
    async drain() {
      const ends = rings.map((ring) => ring.end());
      while (rings.some((ring, index) => !ring.isPast(ends[index]!))) {
        if (!isDue) turn();
        await new Promise<void>((resolve) => void setImmediate(resolve));
      }
    },
  };
}
