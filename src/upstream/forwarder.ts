import type { SocketAddress } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import type { ResolveFailure } from "../resolver/failure.ts";
import { answer } from "../resolver/reply.ts";
import type { Answer, Query, Resolver } from "../resolver/resolver.ts";
import { extendedErrors } from "../wire/edns.ts";
import { Rcode, rcodeName } from "../wire/iana.ts";
import type { Message } from "../wire/message.ts";
import { type Contender, contendersOf } from "./contender.ts";
import { type UpstreamCounters, upstreamCounters } from "./counters.ts";
import type { Dialer } from "./dialer.ts";
import { type Exchange, type ExchangeCall, exchange } from "./exchange.ts";
import { allFailed, isFaultOfServer, nobodyToAsk, sayWhy, TIMED_OUT, type Verdict } from "./failures.ts";
import type { Health } from "./health.ts";
import { pause } from "./pause.ts";
import { race } from "./race.ts";
import { dueForRetry, retry } from "./retry.ts";

/** Whom to ask, from which network namespace, and why them: for `explain` and for error texts. */
export interface Selection {
  readonly servers: readonly SocketAddress[];
  readonly dialer: Dialer;
  readonly why: string;
}

/** Throws a `ResolveFailure` if this client may not ask anybody (a container with internal networks only). */
export type Select = (query: Query) => Selection;

export interface ForwardLimits {
  /** For the whole query. glibc gives a server up after 5 s; an answer must be there before. */
  readonly budgetMs: number;
  /** To one server over one transport, for one query (RFC 9520 §3.1: no more than two retries). */
  readonly sendsPerServer: number;
  /** How long a retry of a dead server may take: less than the 2 s in which the daemon must be able to end. */
  readonly retryMs: number;
}

export const FORWARD_LIMITS: ForwardLimits = { budgetMs: 4000, sendsPerServer: 3, retryMs: 1500 };

/** The servers themselves did not work, or will not serve us: another one may (as Docker 26 and later). */
const MOVES_ON: readonly number[] = [Rcode.SERVFAIL, Rcode.REFUSED, Rcode.NOTIMP];

/** How long NXDOMAIN waits for a preferred server: most recursions are done by then, and it is paid once or twice. */
const NXDOMAIN_HOLD_MS = 500;

/** Passes queries on to upstream servers: `race.ts` says when to ask whom, `health.ts` in which order. Never declines. */
export function forwarder({
  name,
  select,
  exchange: ask = exchange,
  health,
  clock,
  limits = FORWARD_LIMITS,
  counters = upstreamCounters(),
}: {
  name: string;
  select: Select;
  exchange?: Exchange;
  health: Health;
  clock: Clock;
  limits?: ForwardLimits;
  counters?: UpstreamCounters;
}): Resolver {
  return {
    name,
    async resolve(query: Query): Promise<Answer> {
      const { servers, dialer, why } = select(query);
      const contenders = contendersOf(servers, dialer, health);
      query.trace.step(name, "selected", () => ({
        servers: contenders.map(brief),
        scope: dialer.scope,
        why,
      }));
      if (contenders.length === 0) throw nobodyToAsk(why);
      retryTheDead(query, contenders, dialer);

      const deadline = clock.now() + limits.budgetMs;
      const won = await race({
        lanes: contenders,
        ask: async (contender, signal) => {
          const message = await askOne(query, contender, dialer, signal);
          if (message?.header.rcode === Rcode.NXDOMAIN && deadline - clock.now() > NXDOMAIN_HOLD_MS) {
            await holdForPreferred(query, contender, contenders, signal);
          }
          return message;
        },
        onLate: (contender) => noteLate(query, contender),
        clock,
        budgetMs: limits.budgetMs,
        sendsPerLane: limits.sendsPerServer,
        signal: query.signal,
      });
      if (won === undefined) throw failure(query, contenders);
      for (const contender of contenders) {
        if (contender.late && contender.verdict === undefined && contender !== won.lane)
          health.overtaken(contender.key);
      }
      query.trace.step(name, "chosen", { server: won.lane.label });
      return relayed(won.value, won.lane);
    },
  };

  /** The reply, if it is one to relay; otherwise undefined, with the contender's verdict. */
  async function askOne(
    query: Query,
    contender: Contender,
    dialer: Dialer,
    signal: AbortSignal,
  ): Promise<Message | undefined> {
    const { label: server, key } = contender;
    const began = clock.now();
    try {
      const message = await ask(callFor(query, contender, dialer, signal));
      const ms = clock.now() - began;
      const rcode = rcodeName(message.header.rcode);
      health.answered(key, ms);
      query.trace.step(name, "reply", { server, rcode, ms });
      if (!MOVES_ON.includes(message.header.rcode)) return message;
      contender.verdict = {
        server,
        did: `answered ${rcode}`,
        reached: true,
        ede: extendedErrors(message.edns),
      };
    } catch (error) {
      if (signal.aborted) return undefined;
      const did = sayWhy(error);
      if (isFaultOfServer(error)) health.failed(key, did);
      query.trace.step(name, "failed", { server, why: did, ms: clock.now() - began });
      contender.verdict = { server, did, reached: false, ede: [] };
    }
    counters.movedOn++;
    return undefined;
  }

  /**
   * Gives the servers that stand before this one in the user's list, and were only slow so far, a last chance to
   * say otherwise. The first of a VPN's list knows names that the second has never heard of; where Docker waits
   * 4 s for the first, a second that is asked early must not make such names vanish.
   */
  async function holdForPreferred(
    query: Query,
    contender: Contender,
    contenders: readonly Contender[],
    signal: AbortSignal,
  ): Promise<void> {
    const before = contenders.slice(0, contenders.indexOf(contender));
    const preferred = before.find(
      ({ key, verdict }) => verdict === undefined && health.of(key).state !== "down",
    );
    if (preferred === undefined) return;
    const server = contender.label;
    contender.verdict = { server, did: "answered NXDOMAIN", reached: true, ede: [] };
    query.trace.step(name, "held", { server, for: preferred.label, ms: NXDOMAIN_HOLD_MS });
    await pause(clock, NXDOMAIN_HOLD_MS, signal);
  }

  function callFor(query: Query, contender: Contender, dialer: Dialer, signal: AbortSignal): ExchangeCall {
    return {
      server: contender.server,
      dialer,
      question: query.question,
      flags: query,
      signal,
      maySend(transport, withEdns) {
        if (contender.sent[transport] >= limits.sendsPerServer) return false;
        contender.sent[transport]++;
        counters[transport]++;
        if (!withEdns) counters.withoutEdns++;
        query.trace.step(name, "send", { server: contender.label, transport, edns: withEdns });
        return true;
      },
      onMismatch(why) {
        counters.forged++;
        query.trace.step(name, "ignored", { server: contender.label, mismatch: why });
      },
    };
  }

  function retryTheDead(query: Query, contenders: readonly Contender[], dialer: Dialer): void {
    for (const { server, label, key } of dueForRetry(contenders, health)) {
      counters.retries++;
      query.trace.step(name, "retry", { server: label });
      const call = { server, dialer, question: query.question, flags: query };
      void retry({ call, key, exchange: ask, health, clock, limitMs: limits.retryMs });
    }
  }

  function noteLate(query: Query, { label, patienceMs }: Contender): void {
    counters.late++;
    query.trace.step(name, "late", { server: label, patienceMs });
  }

  /** Nobody answered, be it that the client's time was up or ours. */
  function failure(query: Query, contenders: readonly Contender[]): ResolveFailure {
    const gaveUp = query.signal.aborted;
    const verdicts = contenders
      .filter(({ sends }) => sends > 0)
      .map(({ label, key, late, verdict }): Verdict => {
        if (verdict !== undefined) return verdict;
        // Whoever was asked just before the end had no chance to show whether it is alive.
        if (late && !gaveUp) health.failed(key, TIMED_OUT);
        return { server: label, did: gaveUp ? "had not answered yet" : TIMED_OUT, reached: true, ede: [] };
      });
    counters.failed++;
    query.trace.step(name, gaveUp ? "given up" : "all failed", () => ({ servers: verdicts }));
    return allFailed(verdicts, query.signal.reason);
  }
}

function brief({ label, patienceMs }: Contender): object {
  return { server: label, patienceMs };
}

function relayed({ header, answers, authority, additional, edns }: Message, { label }: Contender): Answer {
  return answer("upstream", {
    rcode: header.rcode,
    ad: header.ad,
    answers,
    authority,
    additional,
    ede: extendedErrors(edns),
    upstream: label,
  });
}
