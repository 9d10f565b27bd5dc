import type { Clock } from "../base/clock.ts";

/** Those who wait for something to settle that settles by itself, or doesn't. */
export interface Settling {
  /** Resolves when `isSettled` says so at a look, the first of which is at once; or when it has taken too long. */
  wait(isSettled: () => boolean): Promise<void>;
  /** To be called after each change. */
  look(): void;
}

export function settling(options: { readonly clock: Clock; readonly atMostMs: number }): Settling {
  const { clock, atMostMs } = options;
  const looks = new Set<() => void>();

  function wait(isSettled: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel();
        looks.delete(look);
        resolve();
      };
      const look = (): void => {
        if (isSettled()) done();
      };
      const cancel = clock.after(atMostMs, done);
      looks.add(look);
      look();
    });
  }

  return {
    wait,
    look() {
      for (const look of looks) look();
    },
  };
}
