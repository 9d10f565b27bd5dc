import type { Clock } from "../base/clock.ts";
import { onAbort, type Signal } from "../base/on-abort.ts";
import type { StreamConnection, StreamHooks } from "./stream-connection.ts";

/** The connections to one server that are kept and shared. */
export interface StreamPool {
  /**
   * One that takes a question; undefined where that has to wait for its `turn`. `fresh`: none on which nothing has come
   * for a while.
   */
  find(fresh: boolean): StreamConnection | undefined;
  /** Resolves when it is worth asking `find` again; rejects when the signal aborts. */
  turn(signal: Signal): Promise<void>;
  /** Whoever was told its turn, and does not take it, says so. */
  passOn(): void;
}

/** Some servers answer one question after the other: with so many waiting, another connection is quicker. */
const BUSY_AT = 16;
const MAX_CONNECTIONS = 4;
/** Where a connection is good for a few questions only, so many questions are under way at a time. */
const AT_ONCE = 32;

/**
 * One on which nothing has come for so long may be dead: who asks anew (`RoundTrip.fresh`) asks on another. Less than
 * the shortest time after which somebody does (`health.ts`).
 */
const DOUBTFUL_MS = 50;

/** So long it is remembered how many questions a connection is good for: it may have been a restart. */
const LEARNT_MS = 60_000;

/**
 * A server may close a connection after a number of answers (CoreDNS: 128; some after each), and what it was asked
 * beyond that is lost. So many are learnt, and no more put on a connection; the others wait for another.
 */
export function streamPool(options: {
  readonly clock: Clock;
  readonly connect: (hooks: StreamHooks) => StreamConnection;
}): StreamPool {
  const { clock, connect } = options;
  const open = new Set<StreamConnection>();
  const queue = new Set<() => void>();
  let most = Number.POSITIVE_INFINITY;
  let learntAt = 0;

  const places = (): number => Math.max(MAX_CONNECTIONS, Math.ceil(AT_ONCE / most));

  function find(fresh: boolean): StreamConnection | undefined {
    if (most !== Number.POSITIVE_INFINITY && clock.now() - learntAt >= LEARNT_MS)
      most = Number.POSITIVE_INFINITY;
    let least: StreamConnection | undefined;
    let usable = 0;
    for (const each of open) {
      if (fresh && each.quietMs() >= DOUBTFUL_MS) continue;
      usable += 1;
      if (each.asked >= most) continue;
      if (least === undefined || each.waiting < least.waiting) least = each;
    }
    if (least !== undefined && (least.waiting < BUSY_AT || usable >= places())) return least;
    return usable < places() ? make() : undefined;
  }

  function make(): StreamConnection {
    const connection = connect({
      isSpent: () => connection.asked >= most,
      onEnd(lost) {
        open.delete(connection);
        if (lost > 0 && connection.answered > 0) {
          most = connection.answered;
          learntAt = clock.now();
        }
        passOn();
      },
    });
    open.add(connection);
    return connection;
  }

  function passOn(): void {
    let left = (places() - open.size) * most;
    for (const take of queue) {
      if (left <= 0) return;
      left -= 1;
      take();
    }
  }

  function turn(signal: Signal): Promise<void> {
    return new Promise((resolve, reject) => {
      const forget = onAbort(signal, () => {
        queue.delete(take);
        reject(signal.reason);
      });
      function take(): void {
        queue.delete(take);
        forget();
        resolve();
      }
      queue.add(take);
    });
  }

  return { find, turn, passOn };
}
