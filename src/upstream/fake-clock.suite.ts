import type { Clock } from "../base/clock.ts";

/** A clock that stands still until `advance`, which runs what falls due, in order. */
export function fakeClock(startMs = 0): Clock & { advance(ms: number): void; readonly waiting: number } {
  let nowMs = startMs;
  const timers = new Map<object, { at: number; call: () => void }>();
  return {
    now: () => nowMs,
    wall: () => nowMs,
    after(ms, call) {
      const key = {};
      timers.set(key, { at: nowMs + ms, call });
      return () => timers.delete(key);
    },
    advance(ms) {
      const end = nowMs + ms;
      for (;;) {
        const [first] = [...timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
        if (first === undefined) break;
        const [key, { at, call }] = first;
        timers.delete(key);
        nowMs = Math.max(nowMs, at);
        call();
      }
      nowMs = end;
    },
    get waiting() {
      return timers.size;
    },
  };
}
