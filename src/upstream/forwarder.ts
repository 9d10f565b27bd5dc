import type { SocketAddress } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import type { ResolveFailure } from "../resolver/failure.ts";
import { answer } from "../resolver/reply.ts";
import type { Answer, Query, Resolver } from "../resolver/resolver.ts";
import { extendedErrors } from "../wire/edns.ts";
import type { Message } from "../wire/message.ts";
import { contenderAsker } from "./ask-contender.ts";
import { type Contender, contendersOf } from "./contender.ts";
import { type UpstreamCounters, upstreamCounters } from "./counters.ts";
import type { Dialer } from "./dialer.ts";
import { type Exchange, exchange as exchangeOverSockets } from "./exchange.ts";
import { allFailed, nobodyToAsk, TIMED_OUT, type Verdict } from "./failures.ts";
import type { Health } from "./health.ts";
import { FORWARD_LIMITS, type ForwardLimits } from "./limits.ts";
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

/** Passes queries on to upstream servers: `race.ts` says when to ask whom, `health.ts` in which order. Never declines. */
export function forwarder({
  name,
  select,
  exchange = exchangeOverSockets,
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

      const won = await race({
        lanes: contenders,
        ask: contenderAsker({ name, query, contenders, dialer, exchange, health, clock, limits, counters }),
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

  function retryTheDead(query: Query, contenders: readonly Contender[], dialer: Dialer): void {
    for (const { server, label, key } of dueForRetry(contenders, health)) {
      counters.retries++;
      query.trace.step(name, "retry", { server: label });
      const call = { server, dialer, question: query.question, flags: query };
      void retry({ call, key, exchange, health, clock, limitMs: limits.retryMs });
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
