import type { Clock } from "./clock.ts";

/** Less than this between two looks is the wall clock being put right, not the machine having slept. */
const JUMP_MS = 1000;

/**
 * Milliseconds that never go back, and that go on while the machine sleeps: the monotonic clock of Linux does not,
 * and a laptop would wake up with an hour-old answer that has still minutes to live. A wall clock that is set
 * forward counts as sleep, too: entries expire early, which does no harm.
 */
export function sleepless(clock: Clock): () => number {
  let slept = 0;
  let offset = clock.wall() - clock.now();
  return () => {
    const now = clock.now();
    const gap = clock.wall() - now - offset;
    offset += gap;
    if (gap > JUMP_MS) slept += gap;
    return now + slept;
  };
}
