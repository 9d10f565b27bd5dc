import type { Clock } from "../base/clock.ts";
import { onAbort, type Signal } from "../base/on-abort.ts";
import { Stopper } from "../base/stopper.ts";

/** One contender of a race; the race writes down how it went. */
export interface Lane {
  /** How long it usually takes: after that the next may be asked as well, if `spare` allows it; doubles with each send. */
  readonly patienceMs: number;
  /** How long it is given at most before the next is asked as well. At least `patienceMs`. */
  readonly overdueMs: number;
  /** Not much is hoped of it: it is asked only when the others were asked twice. */
  readonly isSpare: boolean;
  /** How often it may be asked. */
  readonly maxSends: number;
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
  readonly ask: (lane: L, signal: Signal) => Promise<T | undefined>;
  /** `waitedMs` is the patience that it was given this time. */
  readonly onLate: (lane: L, waitedMs: number) => void;
  /** Whether a lane may be asked beside one that is late, but not yet overdue. Only called to ask one if it says so. */
  readonly spare: () => boolean;
  readonly clock: Clock;
  readonly budgetMs: number;
  /** From when on all that are not out are down, if they still are when it is over. */
  readonly downBudgetMs: number;
  readonly isDown: (lane: L) => boolean;
  readonly signal: Signal;
}

/**
 * Asks the lanes one after the other without dropping the earlier ones: the next one begins when the latest has
 * been silent for its patience or is overdue, or at once when the latest is out. After the last lane it goes round
 * again, so a single lane is asked once more, which is what helps against a lost datagram. The first value wins, and
 * `signal` of all others aborts: with `WON`, or with the reason of `signal`.
 *
 * Resolves with undefined when every lane is out, a budget is spent, or the signal aborts.
 */
export function race<L extends Lane, T>({
  lanes,
  ask,
  onLate,
  spare,
  clock,
  budgetMs,
  downBudgetMs,
  isDown,
  signal,
}: RaceOptions<L, T>): Promise<{ lane: L; value: T } | undefined> {
  return new Promise((resolve, reject) => {
    const others = new Stopper();
    let latest: L | undefined;
    let pending = 0;
    let isOver = false;
    let stopWaiting = () => {};
    const stopBudget = clock.after(budgetMs, giveUp);
    let stopDownBudget: (() => void) | undefined;
    const forgetSignal = onAbort(signal, giveUp);
    if (signal.aborted) giveUp();
    else {
      limitWhereAllAreDown();
      askNext();
    }

    function limitWhereAllAreDown(): void {
      const areDown = () => lanes.every((lane) => lane.out || isDown(lane));
      if (!areDown()) return;
      stopDownBudget ??= clock.after(downBudgetMs, () => {
        stopDownBudget = undefined;
        if (areDown()) giveUp();
      });
    }

    function askNext(): void {
      stopWaiting();
      const lane = leastAsked(lanes);
      latest = lane;
      // All were asked as often as may be: now there is only waiting, for the rest of the budget.
      if (lane === undefined) return;
      const patienceMs = Math.min(lane.overdueMs, lane.patienceMs * 2 ** lane.sends);
      stopWaiting = clock.after(patienceMs, () => {
        lane.late = true;
        onLate(lane, patienceMs);
        const leftMs = lane.overdueMs - patienceMs;
        if (leftMs <= 0 || (leastAsked(lanes) !== undefined && spare())) askNext();
        else stopWaiting = clock.after(leftMs, askNext);
      });
      lane.sends++;
      pending++;
      ask(lane, others).then(
        (value) => heard(lane, value),
        (bug) => end(() => reject(bug), OVER),
      );
    }

    function heard(lane: L, value: T | undefined): void {
      pending--;
      if (value !== undefined) {
        end(() => resolve({ lane, value }), WON);
        return;
      }
      lane.out = true;
      if (isOver) return;
      if (lanes.every(({ out }) => out)) giveUp();
      else {
        limitWhereAllAreDown();
        if (lane === latest) askNext();
      }
    }

    function giveUp(): void {
      end(() => resolve(undefined), signal.aborted ? signal.reason : OVER);
    }

    function end(settle: () => void, why: unknown): void {
      if (isOver) return;
      isOver = true;
      stopWaiting();
      stopBudget();
      stopDownBudget?.();
      forgetSignal();
      settle();
      // Most races have one runner, and an abort that nobody hears takes its time, too.
      if (pending > 0) others.abort(why);
    }
  });
}

/** Why the others are aborted. Made once: an error takes its stack trace, and most queries end a race. */
export const WON = new Error("another one won the race");
export const OVER = new Error("the race is over");

/** A spare one begins where the others have had their second chance. */
const SPARE_HANDICAP = 1.5;

/** The first of those that were asked least: in order, and round again. */
function leastAsked<L extends Lane>(lanes: readonly L[]): L | undefined {
  let least: L | undefined;
  let fewest = Number.POSITIVE_INFINITY;
  for (const lane of lanes) {
    const asked = lane.sends + (lane.isSpare ? SPARE_HANDICAP : 0);
    if (lane.out || lane.sends >= lane.maxSends || asked >= fewest) continue;
    least = lane;
    fewest = asked;
  }
  return least;
}
