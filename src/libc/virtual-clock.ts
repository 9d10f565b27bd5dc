import type { Clock } from "../base/clock.ts";

/** Time that passes only when nothing else is left to do: minutes of waiting are over at once. */
export interface VirtualClock extends Clock {
  /**
   * Turns the clock until `work` is done. Undefined if it never will be: nothing is due any more, or only after
   * `limitMs`.
   */
  run<T>(work: Promise<T>, limitMs: number): Promise<T | undefined>;
}

export function virtualClock(): VirtualClock {
  let nowMs = 0;
  const timers = new Set<{ readonly at: number; readonly call: () => void }>();
  return {
    now: () => nowMs,
    wall: () => nowMs,
    after(ms, call) {
      const timer = { at: nowMs + ms, call };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    async run(work, limitMs) {
      let isDone = false;
      const end = () => {
        isDone = true;
      };
      work.then(end, end);
      for (;;) {
        // All that follows from the last event happens before time goes on.
        await new Promise((resolve) => setImmediate(resolve));
        if (isDone) return work;
        const [next] = [...timers].sort((a, b) => a.at - b.at);
        if (next === undefined || next.at > limitMs) return undefined;
        timers.delete(next);
        nowMs = next.at;
        next.call();
      }
    },
  };
}
