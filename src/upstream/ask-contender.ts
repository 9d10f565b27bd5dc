import type { Clock } from "../base/clock.ts";
import { onAbort, type Signal } from "../base/on-abort.ts";
import { Stopper } from "../base/stopper.ts";
import type { Query } from "../resolver/resolver.ts";
import { extendedErrors } from "../wire/edns.ts";
import { Rcode, rcodeName } from "../wire/iana.ts";
import type { Message } from "../wire/message.ts";
import type { Contender } from "./contender.ts";
import type { UpstreamCounters } from "./counters.ts";
import type { Dialer } from "./dialer.ts";
import { CutOff, type Exchange, type ExchangeCall, SendForbidden, type TransportName } from "./exchange.ts";
import { isFaultOfServer, sayWhy, type Verdict } from "./failures.ts";
import type { Health } from "./health.ts";
import type { ForwardLimits } from "./limits.ts";
import { type Listening, MAX_LISTENING, MAX_SILENT_LISTENING, SILENT_LISTEN_MS } from "./listening.ts";
import { pause } from "./pause.ts";
import { OVER, WON } from "./race.ts";
import { retry } from "./retry.ts";
import type { Silence } from "./silence.ts";
import { SILENT } from "./silence-watch.ts";
import { forA, isSideType } from "./witness.ts";

/**
 * They say something about the name; YXDOMAIN: what DNAME made of it is too long (RFC 6672 §2.2). With any other the
 * server itself did not work, did not understand, or will not serve us: another one may (Docker 26 and later, too).
 */
const FINAL: readonly number[] = [Rcode.NOERROR, Rcode.NXDOMAIN, Rcode.YXDOMAIN];

/** Where others can be asked: so long a silence over TCP is a firewall's. */
const WHOLE_REPLY_MS = 600;
/** So long before a query fails, it is known why. */
const VERDICT_LEAD_MS = 100;

/** How long NXDOMAIN waits for a preferred server: most recursions are done by then, and it is paid once or twice. */
const NXDOMAIN_HOLD_MS = 500;
/** But the client's answer is there within a second, and before `silence-watch.ts` gives one. */
const NXDOMAIN_HELD_TO_MS = 750;

/** How long one is listened to that was late with a side type, and may be silent on it. */
const SIDE_LISTEN_MS = 1500;

/**
 * Asks one of a query's contenders: gives the message if it is one to relay, and otherwise undefined, with the
 * reason as the contender's verdict. Whatever happens is told to health, counters and trace. Never rejects.
 *
 * Where another one was quicker, it listens on until the server is overdue: what a slow answer took is learnt, too.
 */
export function contenderAsker({
  name,
  query,
  contenders,
  isListPreference,
  dialer,
  exchange,
  health,
  silence,
  judge,
  listening,
  clock,
  limits,
  counters,
}: {
  name: string;
  query: Query;
  contenders: readonly Contender[];
  /** Whether an earlier contender's word counts for more (decision 8). */
  isListPreference: boolean;
  dialer: Dialer;
  exchange: Exchange;
  health: Health;
  silence: Silence;
  /** Told of each contender that was overdue when another one had won. */
  judge: (contender: Contender) => void;
  listening: Listening;
  clock: Clock;
  limits: ForwardLimits;
  counters: UpstreamCounters;
}): (contender: Contender, signal: Signal) => Promise<Message | undefined> {
  const began = clock.now();
  const { type } = query.question;

  // Nobody is preferred to the only one.
  if (!isListPreference || contenders.length === 1) return askOne;
  return async function askContender(contender, signal) {
    const message = await askOne(contender, signal);
    if (message?.header.rcode === Rcode.NXDOMAIN) await holdForPreferred(contender, signal);
    return message;
  };

  async function askOne(contender: Contender, signal: Signal): Promise<Message | undefined> {
    const { label: server, key } = contender;
    // Over UDP it would say the same again.
    if (contender.isCutOff) return never(signal);
    const sentAt = clock.now();
    contender.askedAt ??= sentAt;
    const ear = listen(contender, signal);
    // It bears loss, and gets through where UDP is shut off.
    const isLastResort = contender.sends > limits.sendsPerServer && contender.server.transport === undefined;
    let isOverTcp = false;
    const noteSend = (transport: TransportName): void => {
      isOverTcp = transport === "tcp";
    };
    try {
      const message = await exchange(callFor(contender, ear.signal, isLastResort, noteSend));
      const ms = clock.now() - sentAt;
      const rcode = rcodeName(message.header.rcode);
      health.answered(isOverTcp && contender.server.transport === undefined ? tcpKey(key) : key, ms);
      contender.heard = true;
      silence.spoke(key, query.question.name, type, ms);
      query.trace.step(name, "reply", { server, rcode, ms });
      const isLame = contenders.length > 1 && isReferral(message);
      if (FINAL.includes(message.header.rcode) && !isLame) return message;
      if (isLame) contender.halfHearted = message;
      const did = isLame ? "offers no recursion" : `answered ${rcode}`;
      conclude(contender, { server, did, reached: true, ede: extendedErrors(message.edns) });
    } catch (error) {
      if (ear.signal.aborted) return undefined;
      const did = sayWhy(error);
      query.trace.step(name, "failed", { server, why: did, ms: clock.now() - sentAt });
      // What it was asked before may still be answered.
      if (isLastResort || error instanceof SendForbidden) return never(signal);
      if (error instanceof CutOff) noteCutOff(contender, error);
      else if (isFaultOfServer(error)) health.failed(key, did);
      conclude(contender, { server, did, reached: error instanceof CutOff, ede: [] });
    } finally {
      ear.end();
    }
    counters.movedOn++;
    return undefined;
  }

  function listen(contender: Contender, race: Signal): { signal: Signal; end(): void } {
    const own = new Stopper();
    let forgetClient = () => {};
    let cancel = () => {};
    let isListening = false;
    const forgetRace = onAbort(race, () => {
      const restMs = contender.askedAt! + listensMs(contender, race.reason) - clock.now();
      const maxListening = race.reason === SILENT ? MAX_SILENT_LISTENING : MAX_LISTENING;
      if (restMs <= 0 || listening.count >= maxListening) return stop();
      isListening = true;
      listening.count++;
      cancel = clock.after(restMs, stop);
      forgetClient = onAbort(query.signal, stop);
    });
    function stop(): void {
      own.abort(race.reason);
      const isOverdue = clock.now() >= contender.askedAt! + contender.overdueMs;
      if (race.reason === WON && isOverdue && !query.signal.aborted && !contender.heard) judge(contender);
    }
    return {
      signal: own,
      end() {
        forgetRace();
        forgetClient();
        cancel();
        if (isListening) listening.count--;
        isListening = false;
      },
    };
  }

  function listensMs({ key, overdueMs, isDown }: Contender, why: unknown): number {
    // Where all are down nobody waits for long. One that is only slow is to be heard all the same, or it stays down.
    if (why === OVER) return isDown ? limits.budgetMs : 0;
    if (why === WON) return isSideType(query.question) ? SIDE_LISTEN_MS : overdueMs;
    const isClaimed = why === SILENT && silence.claimListening(key, query.question.name, type);
    return isClaimed ? SILENT_LISTEN_MS : 0;
  }

  /**
   * Gives the servers that stand before this one in the user's list, and were only slow so far, a last chance to
   * say otherwise. The first of a VPN's list knows names that the second has never heard of; where Docker waits
   * 4 s for the first, a second that is asked early must not make such names vanish.
   */
  async function holdForPreferred(contender: Contender, signal: Signal): Promise<void> {
    const holdMs = Math.min(NXDOMAIN_HOLD_MS, began + NXDOMAIN_HELD_TO_MS - clock.now());
    if (holdMs <= 0 || signal.aborted) return;
    const preferred = preferredTo(contender);
    if (preferred === undefined) return;
    const server = contender.label;
    contender.verdict = { server, did: "answered NXDOMAIN", reached: true, ede: [] };
    query.trace.step(name, "held", { server, for: preferred.label, ms: holdMs });
    contender.hold ??= new Stopper();
    const { hold } = contender;
    const forget = onAbort(signal, () => hold.abort(signal.reason));
    await pause(clock, holdMs, hold);
    forget();
  }

  /** The first that stands before it in the list and may still say otherwise. */
  function preferredTo(contender: Contender): Contender | undefined {
    const before = contenders.slice(0, contenders.indexOf(contender));
    return before.find(
      ({ key, verdict, isSilent }) => verdict === undefined && !isSilent && !health.isDown(key),
    );
  }

  /** It will not answer: who was held for it alone need not wait any more. */
  function conclude(contender: Contender, verdict: Verdict): void {
    contender.verdict = verdict;
    for (const other of contenders) {
      if (other.hold !== undefined && preferredTo(other) === undefined) other.hold.abort(undefined);
    }
  }

  /** Whether somebody else may have the answer. */
  function hasOthers(contender: Contender): boolean {
    return contenders.some((other) => other !== contender && other.verdict === undefined && !other.isDown);
  }

  function wholeWithinMs(contender: Contender): number {
    if (hasOthers(contender)) return WHOLE_REPLY_MS;
    return Math.max(WHOLE_REPLY_MS, began + limits.budgetMs - VERDICT_LEAD_MS - clock.now());
  }

  /** Its UDP works; that its TCP does not is remembered by itself, so that the next to be cut off need not wait. */
  function noteCutOff({ key, server }: Contender, { cause }: CutOff): void {
    if (!(cause instanceof SendForbidden)) {
      health.failed(tcpKey(key), sayWhy(cause));
      return;
    }
    if (!health.claimRetry(tcpKey(key))) return;
    counters.retries++;
    const call = { server, dialer, question: forA(query.question), flags: query, overTcp: true };
    void retry({ call, key: tcpKey(key), exchange, health, clock, limitMs: limits.retryMs });
  }

  function callFor(
    contender: Contender,
    signal: Signal,
    overTcp: boolean,
    noteSend: (transport: TransportName) => void,
  ): ExchangeCall {
    const sentAt = clock.now();
    return {
      server: contender.server,
      dialer,
      question: query.question,
      flags: query,
      signal,
      overTcp,
      fresh: contender.sends > 1,
      wholeWithinMs: () => wholeWithinMs(contender),
      maySend(transport, withEdns) {
        const { key, sent } = contender;
        if (transport === "tcp" && sent.udp > 0 && sent.tcp === 0 && !overTcp) {
          // Its reply is there, and was cut off.
          contender.heard = true;
          contender.isCutOff = true;
          health.answered(key, clock.now() - sentAt);
          if (health.isDown(tcpKey(key)) && hasOthers(contender)) return false;
        }
        if (sent[transport] >= limits.sendsPerServer) return false;
        noteSend(transport);
        sent[transport]++;
        counters[transport]++;
        if (!withEdns) counters.withoutEdns++;
        query.trace.step(name, "send", { server: contender.label, transport, edns: withEdns });
        return true;
      },
      onMismatch(why) {
        counters.forged++;
        contender.mismatch = why;
        query.trace.step(name, "ignored", { server: contender.label, mismatch: why });
      },
    };
  }
}

/** From somebody who neither knows nor looks it up: libc asks the next server, too (glibc, res_send.c). */
function isReferral({ header: { rcode, aa, ra }, answers }: Message): boolean {
  return rcode === Rcode.NOERROR && answers.length === 0 && !aa && !ra;
}

/** In `health`: TCP of a server that is asked over UDP. */
function tcpKey(key: string): string {
  return `${key} over TCP`;
}

/** Leaves the word to whoever else was asked. */
function never(signal: Signal): Promise<undefined> {
  return new Promise((resolve) => onAbort(signal, () => resolve(undefined)));
}
