import type { Clock } from "../base/clock.ts";
import type { Policy } from "../base/policy.ts";
import { formatServer, type ServerAddress } from "../base/server-address.ts";
import type { ResolveFailure } from "../resolver/failure.ts";
import { answer } from "../resolver/reply.ts";
import type { Answer, Query, Resolver } from "../resolver/resolver.ts";
import { extendedErrors } from "../wire/edns.ts";
import { RrClass, RrType } from "../wire/iana.ts";
import type { Message } from "../wire/message.ts";
import { contenderAsker } from "./ask-contender.ts";
import { type Contender, contendersOf } from "./contender.ts";
import { type UpstreamCounters, upstreamCounters } from "./counters.ts";
import type { Dialer } from "./dialer.ts";
import { type Exchange, exchanger } from "./exchange.ts";
import { allFailed, nobodyToAsk, TIMED_OUT, timedOut, type Verdict } from "./failures.ts";
import type { Health } from "./health.ts";
import { type Hedges, hedges } from "./hedges.ts";
import { FORWARD_LIMITS, type ForwardLimits } from "./limits.ts";
import { type Listening, listenAside, MAX_SILENT_LISTENING } from "./listening.ts";
import type { Loops } from "./loops.ts";
import { inOrder } from "./order.ts";
import { race } from "./race.ts";
import { retry } from "./retry.ts";
import { type Silence, silenceMemory } from "./silence.ts";
import { SILENT, watchSilence } from "./silence-watch.ts";
import { callWitness, forA, isSideType } from "./witness.ts";

/** Whom to ask, from which network namespace, and why them: for `explain` and for error texts. */
export interface Selection {
  readonly servers: readonly ServerAddress[];
  readonly dialer: Dialer;
  readonly why: string;
}

/** Throws a `ResolveFailure` if this client may not ask anybody (a container with internal networks only). */
export type Select = (query: Query) => Selection;

/**
 * Passes queries on to upstream servers: `order.ts` says in which order, `race.ts` when to ask whom, `health.ts` what
 * is usual for each, and `silence-watch.ts` when to stop waiting for a type that nobody answers. Never declines, and
 * never takes longer than the budget.
 *
 * What several forwarders learn about the same servers they are to share: `health`, `silence`, `exchange` (its
 * connections), `loops`, and `budget` for hedges.
 */
export function forwarder({
  name,
  select,
  policy = () => "ordered",
  clock,
  exchange = exchanger({ clock }),
  health,
  silence = silenceMemory({ clock }),
  budget = hedges(),
  loops,
  limits = FORWARD_LIMITS,
  counters = upstreamCounters(),
}: {
  name: string;
  select: Select;
  policy?: () => Policy;
  clock: Clock;
  exchange?: Exchange;
  health: Health;
  silence?: Silence;
  budget?: Hedges;
  loops?: Loops | undefined;
  limits?: ForwardLimits;
  counters?: UpstreamCounters;
}): Resolver {
  const listening: Listening = { count: 0 };
  /** Keys of those that are being asked whether they are alive. */
  const doubted = new Set<string>();

  return {
    name,
    async resolve(query: Query): Promise<Answer> {
      const { servers, dialer, why } = select(query);
      const asked = servers.filter((server) => !leadsBack(query, server, dialer));
      const contenders = contendersFor(query, asked, dialer);
      query.trace.step(name, "selected", () => ({
        servers: contenders.map(brief),
        scope: dialer.name,
        policy: policy(),
        why,
      }));
      if (contenders.length === 0)
        throw nobodyToAsk(servers.length === 0 ? why : `${why}: nobody but this server itself`);
      lookAside(query, contenders, dialer);
      budget.earn();

      const testify = (contender: Contender): Promise<void> =>
        callWitness({ contender, query, dialer, exchange, health, clock, limitMs: limits.budgetMs });
      const watch = isSideType(query.question)
        ? watchSilence({ name, query, contenders, silence, health, clock, callWitness: testify })
        : undefined;
      const doubtAt = clock.now() + limits.budgetMs - limits.downBudgetMs - DOUBT_LEAD_MS;
      let cancelDoubts: (() => void) | undefined;
      const won = await race({
        lanes: contenders,
        ask: contenderAsker({
          name,
          query,
          contenders,
          isListPreference: policy() === "ordered",
          dialer,
          exchange,
          health,
          silence,
          judge: (contender) => judge(query, contender, testify),
          listening,
          clock,
          limits,
          counters,
        }),
        onLate(contender, waitedMs) {
          noteLate(query, contender, waitedMs);
          cancelDoubts ??= clock.after(doubtAt - clock.now(), () => doubt(query, contenders, dialer));
        },
        spare,
        clock,
        budgetMs: limits.budgetMs,
        downBudgetMs: limits.downBudgetMs,
        isDown: ({ key }) => health.isDown(key),
        signal: watch?.signal ?? query.signal,
      });
      watch?.stop();
      cancelDoubts?.();
      if (won === undefined) {
        if (watch?.signal.reason === SILENT) {
          counters.silent++;
          return watch.conclusion();
        }
        const lame = contenders.find(({ halfHearted }) => halfHearted !== undefined);
        if (lame !== undefined) return relayed(lame.halfHearted!, lame);
        throw failure(query, contenders);
      }
      query.trace.step(name, "chosen", { server: won.lane.label });
      return relayed(won.value, won.lane);
    },
  };

  function leadsBack(query: Query, server: ServerAddress, dialer: Dialer): boolean {
    if (loops === undefined) return false;
    loops.check({ server, dialer }, exchange);
    if (!loops.isLoop(dialer.scope, server)) return false;
    query.trace.step(name, "refused: it leads back here", () => ({ server: formatServer(server) }));
    return true;
  }

  function contendersFor(
    { question }: Query,
    servers: readonly ServerAddress[],
    dialer: Dialer,
  ): readonly Contender[] {
    const isSide = isSideType(question);
    const isSilent = (key: string) => isSide && silence.of(key, question.name, question.type) !== undefined;
    return inOrder(contendersOf(servers, { dialer, health, isSide, isSilent }), { policy: policy(), health });
  }

  /** Those that this query may not be sent to, and that are due to be looked at. */
  function lookAside(query: Query, contenders: readonly Contender[], dialer: Dialer): void {
    const [best, ...others] = contenders;
    for (const { server, label, key, isDown, isSilent } of others) {
      if (isSilent && !isDown && !best!.isSilent && mayListen(query, key)) {
        query.trace.step(name, "listen", { server: label });
        const call = { server, dialer, question: query.question, flags: query };
        void listenAside({ call, key, exchange, silence, listening, clock });
      }
      const isDue = isDown ? health.claimRetry(key) : policy() === "fastest" && health.claimMeasuring(key);
      if (!isDue) continue;
      counters.retries++;
      query.trace.step(name, isDown ? "retry" : "measure", { server: label });
      const call = { server, dialer, question: forA(query.question), flags: query };
      void retry({ call, key, exchange, health, clock, limitMs: limits.retryMs });
    }
  }

  function mayListen({ question }: Query, key: string): boolean {
    return (
      listening.count < MAX_SILENT_LISTENING && silence.claimListening(key, question.name, question.type)
    );
  }

  function spare(): boolean {
    const may = budget.spend();
    if (may) counters.hedges++;
    return may;
  }

  function noteLate(query: Query, { label }: Contender, waitedMs: number): void {
    counters.late++;
    query.trace.step(name, "late", { server: label, waitedMs });
  }

  /** It was overdue, and another one has answered: dead, slow, or silent on this type only? */
  function judge(
    { question }: Query,
    contender: Contender,
    testify: (contender: Contender) => Promise<void>,
  ) {
    if (!isSideType(question)) {
      if (!contender.judged) health.overtaken(contender.key);
      contender.judged = true;
      return;
    }
    void testify(contender).then(() => {
      if (contender.witness === undefined || contender.heard) return;
      silence.silent(contender.key, question.name, question.type);
    });
  }

  /**
   * The query's time is nearly over. Who is late is dead, or waits for somebody else who is: that is known before the
   * query fails.
   */
  function doubt(query: Query, contenders: readonly Contender[], dialer: Dialer): void {
    for (const { server, key, askedAt, isDown, late, heard, verdict } of contenders) {
      if (!late || isDown || heard || verdict !== undefined) continue;
      if (health.heardSince(key, askedAt!) || doubted.has(key)) continue;
      doubted.add(key);
      const call = { server, dialer, question: ROOT, flags: query };
      const asked = retry({ call, key, exchange, health, clock, limitMs: limits.downBudgetMs });
      void asked.then(() => doubted.delete(key));
    }
  }

  /** Nobody answered, be it that the client's time was up or ours. */
  function failure(query: Query, contenders: readonly Contender[]): ResolveFailure {
    const gaveUp = query.signal.aborted;
    const verdicts = contenders
      .filter(({ sends }) => sends > 0)
      .map(({ label, key, askedAt, late, judged, isDown, mismatch, verdict }): Verdict => {
        if (verdict !== undefined) return verdict;
        // Whoever was asked just before the end had no chance to show whether it is alive. As for the others, see `doubt`.
        const isDead = isDown && late && !gaveUp && !judged && !health.heardSince(key, askedAt!);
        if (isDead) health.failed(key, TIMED_OUT);
        const did = gaveUp ? "had not answered yet" : timedOut(mismatch);
        return { server: label, did, reached: true, ede: [] };
      });
    counters.failed++;
    query.trace.step(name, gaveUp ? "given up" : "all failed", () => ({ servers: verdicts }));
    return allFailed(verdicts, query.signal.reason);
  }
}

/** So long before a query fails, it is known which servers are dead. */
const DOUBT_LEAD_MS = 100;
/** What every resolver knows, and most other servers refuse at once (RFC 8109). */
const ROOT = { name: ".", type: RrType.NS, class: RrClass.IN };

function brief({ label, patienceMs, isDown, isSilent }: Contender): object {
  return { server: label, patienceMs, ...(isDown && { isDown }), ...(isSilent && { isSilent }) };
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
