import type { Clock } from "../base/clock.ts";
import { onAbort } from "./on-abort.ts";

/** One contender of a race; the race writes down how it went. */
export interface Lane {
  /** How long it is given before somebody else is asked as well; doubles with each further send to it. */
  readonly patienceMs: number;
  /** How often it was asked. */
  sends: number;
  /** It was silent for its patience at least once. */
  late: boolean;
  /** It said that it will not answer, and is not asked again. */
  out: boolean;
}

export interface RaceOptions<L extends Lane, T> {
  /** Best first. */
  readonly lanes: readonly L[];
  /** Resolves with undefined if this lane will never have an answer. A rejection is a bug and fails the race. */
  readonly ask: (lane: L, signal: AbortSignal) => Promise<T | undefined>;
  readonly onLate: (lane: L) => void;
  readonly clock: Clock;
  readonly budgetMs: number;
  readonly sendsPerLane: number;
  readonly signal: AbortSignal;
}

/**
 * Asks the lanes one after the other without dropping the earlier ones: the next one begins when the latest has
 * been silent for its patience, or at once when the latest is out. After the last lane it goes round again, so a
 * single lane is asked once more, which is what helps against a lost datagram. The first value wins, and `signal`
 * of all others aborts.
 *
 * Resolves with undefined when every lane is out, the budget is spent, or the signal aborts.
 */
export function race<L extends Lane, T>({
  lanes,
  ask,
  onLate,
  clock,
  budgetMs,
  sendsPerLane,
  signal,
}: RaceOptions<L, T>): Promise<{ lane: L; value: T } | undefined> {
  return new Promise((resolve, reject) => {
    const others = new AbortController();
    let latest: L | undefined;
    let stopWaiting = () => {};
    const stopBudget = clock.after(budgetMs, giveUp);
    const forgetSignal = onAbort(signal, giveUp);
    if (signal.aborted) giveUp();
    else askNext();

    function askNext(): void {
      stopWaiting();
      const lane = leastAsked(lanes, sendsPerLane);
      latest = lane;
      // All were asked as often as may be: now there is only waiting, for the rest of the budget.
      if (lane === undefined) return;
      stopWaiting = clock.after(lane.patienceMs * 2 ** lane.sends, () => {
        lane.late = true;
        onLate(lane);
        askNext();
      });
      lane.sends++;
      ask(lane, others.signal).then(
        (value) => heard(lane, value),
        (bug) => end(() => reject(bug)),
      );
    }

    function heard(lane: L, value: T | undefined): void {
      if (value !== undefined) {
        end(() => resolve({ lane, value }));
        return;
      }
      lane.out = true;
      if (lanes.every(({ out }) => out)) giveUp();
      else if (lane === latest && !others.signal.aborted) askNext();
    }

    function giveUp(): void {
      end(() => resolve(undefined));
    }

    function end(settle: () => void): void {
      if (others.signal.aborted) return;
      stopWaiting();
      stopBudget();
      forgetSignal();
      settle();
      others.abort(OVER);
    }
  });
}

/** Made once: an error takes its stack trace, and most queries end a race. */
const OVER = new Error("the race is over");

/** The first of those that were asked least: in order, and round again. */
function leastAsked<L extends Lane>(lanes: readonly L[], sendsPerLane: number): L | undefined {
  let least: L | undefined;
  for (const lane of lanes) {
    if (!lane.out && lane.sends < (least?.sends ?? sendsPerLane)) least = lane;
  }
  return least;
}
