import { Worker } from "node:worker_threads";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { Control, type PlaneMemory, type WorkerMemory } from "./memory.ts";

/** How often a thread has to show that it works: it is woken, and has to count up. */
export const PROBE_MS = 100;
/**
 * Unanswered probes after which it is not relied on any more: together with the 2.5 s for which a beat lasts
 * (sandbox/takeover-table.ts) that stays below three seconds. And after which it is started anew: two seconds.
 */
export const DOUBTFUL = 2;
export const HUNG = 20;
/** One that ends before it has begun is started ever less often: what keeps it from that is mended by people. */
export const START_GAP_MAX_MS = 10_000;
/** How long one that is to end may take to: as long as one that hangs. */
const CLOSE_MS = HUNG * PROBE_MS;

/** One worker, started anew when it ends or hangs. */
export interface Thread {
  readonly isAlive: boolean;
  /** Resolves when it works for the first time. */
  readonly started: Promise<void>;
  readonly restarts: number;
  /** Ends it after the answers that it is giving, or at all events after two seconds; resolves when it has ended. */
  close(): Promise<void>;
}

export function thread(options: {
  readonly program: URL;
  readonly plane: PlaneMemory;
  readonly own: WorkerMemory;
  /** Makes it look round. */
  readonly wake: () => void;
  /** It has put something into a ring. */
  readonly woken: () => void;
  readonly clock: Clock;
  readonly log: Logger;
}): Thread {
  const { program, plane, own, wake, woken, clock, log } = options;
  const control = new Int32Array(own.control);
  let hasBegun = false;
  let probed = 0;
  let unanswered = 0;
  let restarts = 0;
  let startGapMs = PROBE_MS;
  let isClosing = false;
  let begun = (): void => {};
  let worker = start();
  let ended = exitOf(worker);
  const started = new Promise<void>((resolve) => {
    begun = resolve;
  });
  let cancel = clock.after(PROBE_MS, probe);

  function start(): Worker {
    const made = new Worker(program, {
      workerData: { plane, own },
      name: "data-plane",
      // Its descriptors are not of Node's making, and it would complain of each that is closed.
      trackUnmanagedFds: false,
    });
    // Its first word is that it has begun; all others are that there is something to read.
    made.on("message", () => {
      hasBegun = true;
      begun();
      woken();
    });
    made.on("error", (error) => log.error({ reason: messageOf(error) }, "the data plane failed"));
    made.once("exit", () => {
      // Whatever it was looking at, it looks at no more.
      if ((Atomics.load(control, Control.EPOCH) & 1) === 1) Atomics.add(control, Control.EPOCH, 1);
      if (!isClosing) restart();
    });
    // Only now: to listen for messages takes it back.
    made.unref();
    return made;
  }

  function probe(): void {
    const answered = Atomics.load(control, Control.EPOCH);
    unanswered = answered === probed ? unanswered + 1 : 0;
    probed = answered;
    // To end one that has yet to begin would but make it begin once more: the machine is busy.
    if (unanswered >= HUNG && hasBegun) {
      log.error({ milliseconds: HUNG * PROBE_MS }, "the data plane hangs, and is started anew");
      unanswered = DOUBTFUL;
      // Its exit starts another.
      void worker.terminate();
    }
    wake();
    cancel = clock.after(PROBE_MS, probe);
  }

  function restart(): void {
    restarts += 1;
    startGapMs = hasBegun ? PROBE_MS : Math.min(START_GAP_MAX_MS, 2 * startGapMs);
    hasBegun = false;
    // Where the count stands now is no answer of the next one's.
    probed = Atomics.load(control, Control.EPOCH);
    unanswered = Math.max(unanswered, DOUBTFUL);
    clock.after(startGapMs, () => {
      if (isClosing) return;
      try {
        worker = start();
      } catch (error) {
        // The machine has no room for a thread, which is what most of them die of.
        log.error({ reason: messageOf(error) }, "the data plane can't be started, and is tried again");
        return restart();
      }
      ended = exitOf(worker);
    });
  }

  return {
    get isAlive() {
      return unanswered < DOUBTFUL;
    },
    started,
    get restarts() {
      return restarts;
    },
    async close() {
      isClosing = true;
      cancel();
      // Until now it kept no process alive; whoever waits for its end is to see that.
      worker.ref();
      Atomics.store(control, Control.STOP, 1);
      wake();
      const cancelLate = clock.after(CLOSE_MS, () => void worker.terminate());
      await ended;
      cancelLate();
    },
  };
}

function exitOf(worker: Worker): Promise<void> {
  return new Promise((resolve) => void worker.once("exit", () => resolve()));
}
