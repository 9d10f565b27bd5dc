import type { Clock } from "../base/clock.ts";

/** What `poll(2)` is to a C program: events queue up, and the one reader takes the next or waits a time for it. */
export interface Inbox<T> {
  put(event: T): void;
  /** The next event, or undefined once `ms` have passed without one. Infinity waits as long as it takes. */
  take(ms: number): Promise<T | undefined>;
}

export function createInbox<T>(clock: Clock): Inbox<T> {
  const events: T[] = [];
  let waiting: ((event: T | undefined) => void) | undefined;
  return {
    put(event) {
      if (waiting === undefined) events.push(event);
      else waiting(event);
    },
    take(ms) {
      const event = events.shift();
      if (event !== undefined) return Promise.resolve(event);
      return new Promise((resolve) => {
        const cancel =
          ms === Number.POSITIVE_INFINITY ? () => {} : clock.after(Math.max(0, ms), () => end(undefined));
        const end = (value: T | undefined) => {
          waiting = undefined;
          cancel();
          resolve(value);
        };
        waiting = end;
      });
    },
  };
}
