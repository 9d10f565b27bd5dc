/**
 * Time as a parameter, so that tests can turn it. Only what waits for the kernel or another thread, which no test can
 * turn, reads a clock of its own.
 */
export interface Clock {
  /** Milliseconds since 1970, for people. */
  wall(): number;
  /** Milliseconds that never go back, for measuring. */
  now(): number;
  /** Calls back once after `ms`; returns what cancels it. Does not keep the process alive. */
  after(ms: number, call: () => void): () => void;
}

export const systemClock: Clock = {
  wall: () => Date.now(),
  now: () => performance.now(),
  after(ms, call) {
    const timer = setTimeout(call, ms);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
