import { LRUCache } from "lru-cache";
import type { Answer } from "../resolver/resolver.ts";

/** Questions that could not be answered, each remembered for a moment (RFC 9520). Times are milliseconds. */
export interface Failures {
  /** Undefined for a question that has not failed, or not since it was last answered. */
  get(key: string): Failed | undefined;
  /** It failed, once more or for the first time, with this answer. */
  add(key: string, answer: Answer, now: number): void;
  delete(key: string): void;
  keys(): Iterable<string>;
}

export interface Failed {
  /** What the client got that first met it. */
  readonly answer: Answer;
  readonly at: number;
  /** Nobody is asked again before. */
  readonly until: number;
}

/** RFC 9520 §3.2: at least one second; and five are enough to have an upstream back soon after it came back. */
const FIRST_MS = 1000;
const LAST_MS = 5000;
/** After this long without asking, what failed before says nothing about how long it will go on. */
const FORGET_MS = 30_000;
/** About a kilobyte each. One that is forgotten is only asked again. */
const MAX = 2000;

/** Each failure in a row is remembered for twice as long as the one before (RFC 9520 §3.2). */
export function failures(): Failures {
  const failed = new LRUCache<string, Failed>({ max: MAX });
  return {
    get: (key) => failed.get(key),
    add(key, answer, now) {
      const before = failed.get(key);
      const isRow = before !== undefined && now - before.until < FORGET_MS;
      const ms = isRow ? Math.min(LAST_MS, 2 * (before.until - before.at)) : FIRST_MS;
      failed.set(key, { answer, at: now, until: now + ms });
    },
    delete: (key) => failed.delete(key),
    keys: () => failed.keys(),
  };
}
