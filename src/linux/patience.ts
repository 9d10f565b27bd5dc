/** How long a full send buffer may be waited for: at once, and as a share of all time. */
const AT_ONCE_MS = 20;
const SHARE = 1 / 20;

/**
 * Waits for something, but not so long that others who have to wait meanwhile would notice. A send buffer is full not
 * only after a burst: answers to addresses in our own network that are nobody's stay in it for three seconds each
 * (the neighbour queue of ARP), and whoever forges such could otherwise stop a thread.
 */
export interface Patience {
  /** False if it did not come, or was not waited for. `wait` says whether it came within so many milliseconds. */
  wait(wait: (ms: number) => boolean): boolean;
}

/** `now`: milliseconds that never go back. */
export function patience(now: () => number): Patience {
  let left = AT_ONCE_MS;
  let last = now();
  return {
    wait(wait) {
      const begin = now();
      left = Math.min(AT_ONCE_MS, left + (begin - last) * SHARE);
      last = begin;
      if (left < 1) return false;
      const isThere = wait(Math.floor(left));
      last = now();
      left -= last - begin;
      return isThere;
    },
  };
}
