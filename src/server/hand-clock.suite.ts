import type { Clock } from "../base/clock.ts";

/** A clock whose timers go off when the test says so. */
export function handClock(): Clock & { fire(): void } {
  const timers = new Set<() => void>();
  return {
    wall: () => 0,
    now: () => 0,
    after(_, call) {
      timers.add(call);
      return () => timers.delete(call);
    },
    fire() {
      for (const call of [...timers]) call();
    },
  };
}
