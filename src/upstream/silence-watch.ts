import type { Clock } from "../base/clock.ts";
import { onAbort, type Signal } from "../base/on-abort.ts";
import { Stopper } from "../base/stopper.ts";
import { answer } from "../resolver/reply.ts";
import type { Answer, Query } from "../resolver/resolver.ts";
import { EdeCode, Rcode, typeName } from "../wire/iana.ts";
import type { Contender } from "./contender.ts";
import type { Health } from "./health.ts";
import type { Silence } from "./silence.ts";

/** Why a race is ended that nobody will win. */
export const SILENT = new Error("no server answers this type");

/** Watches one query for a side type (`witness.ts`), and ends the wait when it is in vain. */
export interface SilenceWatch {
  /** Aborts with `SILENT`, or when the client gives up. */
  readonly signal: Signal;
  stop(): void;
  /** What to answer once `signal` has aborted with `SILENT`. */
  conclusion(): Answer;
}

/** Where a name was silent before: a healthy server's usual time, so that what it knows by now is still heard. */
const MIN_KNOWN_MS = 5;
const MAX_KNOWN_MS = 100;
/**
 * Another name of a zone that is silent: each server has the time after which it is overdue, more than most recursions
 * take, and it is asked twice meanwhile. But with many servers that adds up.
 */
const MAX_BRIEF_MS = 900;
/** When to look who is silent, and whether that will do for a conclusion. */
const LOOK_AT_MS = [300, 600, 800, 900, 950, 1000, 1200, 1500, 2000];
/** A client must not wait longer than a second. */
const CONCLUDE_FROM_MS = 800;
/** Two datagrams may have been lost. */
const MIN_SENDS = 3;
/** So long at least, and three times as long as its A took, a server must have been silent. */
const MIN_SILENCE_MS = 250;
const TIMES_A = 3;
/** The second is nearly over, for A took long itself. */
const LAST_CALL_MS = 900;
const TIMES_A_AT_LAST = 2;
/**
 * With many servers there is no time to ask each three times. The second of two is asked again after 900 ms, and is to
 * have the time to answer: where one datagram was lost, that is the answer.
 */
const FEWER_SENDS_FROM_MS = 950;

export function watchSilence(options: {
  readonly name: string;
  readonly query: Query;
  readonly contenders: readonly Contender[];
  readonly silence: Silence;
  readonly health: Health;
  readonly clock: Clock;
  /** Asks it for A, see `witness.ts`. */
  readonly callWitness: (contender: Contender) => Promise<void>;
}): SilenceWatch {
  const { name, query, contenders, silence, health, clock, callWitness } = options;
  const { name: qname, type } = query.question;
  const began = clock.now();
  const ended = new Stopper();
  const forgetClient = onAbort(query.signal, () => ended.abort(query.signal.reason));
  if (query.signal.aborted) ended.abort(query.signal.reason);
  let silent: readonly Contender[] = [];
  let cancel = () => {};
  /** What a witness says later is no news of this query: somebody has answered it. */
  let isStopped = false;

  const living = contenders.filter(({ isDown }) => !isDown);
  if (living.length > 0 && living.every(({ isSilent }) => isSilent)) waitBriefly();
  else lookAt(0);

  function waitBriefly(): void {
    const leftMs = Math.min(began + MAX_BRIEF_MS - clock.now(), Math.max(...living.map(leftOf)));
    if (leftMs <= 0) conclude(living);
    else cancel = clock.after(leftMs, waitBriefly);
  }

  /** A name that was silent itself needs no more than the chance to show that it no longer is. */
  function leftOf({ key, askedAt }: Contender): number {
    const now = clock.now();
    return silence.of(key, qname, type) === "name"
      ? began + knownMs(key) - now
      : (askedAt ?? now) + health.overdueMs(key) - now;
  }

  function knownMs(key: string): number {
    const { srttMs = 0, rttvarMs = 0 } = health.of(key);
    return Math.min(MAX_KNOWN_MS, Math.max(MIN_KNOWN_MS, srttMs + 4 * rttvarMs));
  }

  function lookAt(index: number): void {
    const atMs = LOOK_AT_MS[index];
    if (atMs === undefined) return;
    cancel = clock.after(atMs - (clock.now() - began), () => {
      for (const contender of waitedFor()) void callWitness(contender).then(consider);
      lookAt(index + 1);
      consider();
    });
  }

  function consider(): void {
    if (isStopped || ended.aborted || passed() < CONCLUDE_FROM_MS) return;
    const alive = waitedFor().filter(({ witness }) => witness !== undefined);
    if (alive.length > 0 && alive.every(isInVain)) conclude(alive);
  }

  /** Timers come up to a millisecond early, and the next look would be too late. */
  const passed = (): number => Math.ceil(clock.now() - began);

  /** Asked, and it has neither answered nor failed. */
  function waitedFor(): Contender[] {
    return contenders.filter(
      ({ askedAt, heard, verdict }) => askedAt !== undefined && !heard && verdict === undefined,
    );
  }

  function isInVain({ key, askedAt, sends, witness }: Contender): boolean {
    const passedMs = passed();
    if (sends < MIN_SENDS && passedMs < FEWER_SENDS_FROM_MS) return false;
    const timesA = passedMs >= LAST_CALL_MS ? TIMES_A_AT_LAST : TIMES_A;
    const tookMs = silence.tookMs(key, qname, type) ?? 0;
    const enoughMs = Math.max(MIN_SILENCE_MS, timesA * witness!.ms, 2 * tookMs);
    const rcode = rcodeOf(witness);
    const isGood = rcode === Rcode.NOERROR || rcode === Rcode.NXDOMAIN;
    return isGood && clock.now() - askedAt! >= enoughMs;
  }

  function conclude(who: readonly Contender[]): void {
    silent = who;
    for (const { key } of who) silence.silent(key, qname, type);
    query.trace.step(name, "silent", () => ({ servers: who.map(({ label }) => label) }));
    ended.abort(SILENT);
  }

  return {
    signal: ended,
    stop() {
      isStopped = true;
      cancel();
      forgetClient();
    },
    conclusion() {
      const servers = silent.map(({ label }) => label).join(", ");
      const text = `${servers} ${silent.length > 1 ? "answer" : "answers"} A but not ${typeName(type)} of ${qname}: taken for no such record`;
      // What does not exist at all, does not exist for this type.
      const denial = silent.find(({ witness }) => rcodeOf(witness) === Rcode.NXDOMAIN)?.witness?.message;
      return answer("none", {
        ...(denial !== undefined && { rcode: Rcode.NXDOMAIN, authority: denial.authority }),
        ede: [{ code: EdeCode.NO_REACHABLE_AUTHORITY, text }],
      });
    },
  };
}

function rcodeOf(witness: Contender["witness"]): number | undefined {
  return witness?.message.header.rcode;
}
