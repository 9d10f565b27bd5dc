import { BriefMap } from "../base/brief-map.ts";
import type { Clock } from "../base/clock.ts";
import { sleepless } from "../base/sleepless.ts";
import { ResolveFailure } from "../resolver/failure.ts";
import { answer as reply } from "../resolver/reply.ts";
import type { Answer, Query, Resolver, Reuse } from "../resolver/resolver.ts";
import { noTrace } from "../resolver/trace.ts";
import { EdeCode, Rcode } from "../wire/iana.ts";
import type { Name } from "../wire/message.ts";
import { foldName } from "../wire/name.ts";
import type { CacheCounters } from "./counters.ts";
import { type Failed, failures } from "./failures.ts";
import { type Flight, type Impatience, type Outcome, patiently, saying, settle } from "./flights.ts";
import { keyOf, nameInKey, scopeNumbers } from "./key.ts";
import { isFailure, keeping } from "./lifetime.ts";
import { asAsked, pack, unpack } from "./packed.ts";
import type { CacheSettings, ServeStale } from "./settings.ts";
import { createStore, type Entry, putIn } from "./store.ts";
import { NO_USES, type Uses } from "./uses.ts";

/** What upstreams have said, for all who ask the same of the same upstreams. */
export interface Cache {
  /** Wraps a resolver that asks upstreams. A cache of no bytes only admits. */
  cached(options: Cached): Resolver;
  /** Forgets one name (all types, whoever's upstreams), or everything. Returns the number of answers forgotten. */
  flush(name?: Name): number;
  /** Counts so many hits of fresh answers that were given without asking here, as `Answer.reuse` allows. */
  givenElsewhere(count: number): void;
  stats(): CacheStats;
}

export interface Cached {
  /** Whose upstreams are asked, and which these are: queries of one scope share answers. May throw `ResolveFailure`. */
  readonly scope: (query: Query) => string;
  readonly inner: Resolver;
  /**
   * Bounds queries that wait for upstreams; hits and stale answers wait for nobody. Whom it lets in, it lets in before
   * `resolve` returns, else nobody joins. What it throws is not remembered, and is for nobody else.
   */
  readonly admit: (inner: Resolver) => Resolver;
}

export interface CacheStats extends Readonly<CacheCounters> {
  readonly entries: number;
  readonly bytes: number;
  readonly maxBytes: number;
}

/** In the last tenth of its life, an entry that is wanted is asked for anew. */
const PREFETCH_PART = 0.1;
/** It is wanted if it was given again so often. Once is no habit. */
const PREFETCH_HITS = 2;
/** Questions asked in the background at a time: entries that were made together expire together. */
const BACKGROUND_MAX = 64;

/**
 * `signal` ends what is in flight. A question in flight belongs to nobody: who asked first may go away, and the
 * others still get their answer.
 */
export function createCache(options: {
  readonly settings: CacheSettings;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly counters: CacheCounters;
  readonly uses?: Uses;
}): Cache {
  const { settings, clock, signal, counters, uses = NO_USES } = options;
  const { serveStale } = settings;
  const store = createStore(settings.maxBytes, counters);
  const failed = failures();
  const flights = new BriefMap<Flight>();
  const scopeNumber = scopeNumbers();
  const time = sleepless(clock);
  let inBackground = 0;

  function cached({ scope, inner, admit }: Cached): Resolver {
    const { name } = inner;
    const passingOn = admit(inner);

    async function resolve(query: Query): Promise<Answer | undefined> {
      const key = keyOf(scopeNumber(scope(query)), query);
      const now = time();
      const entry = store.get(key);
      if (entry !== undefined && ageOf(entry, now) < entry.lifetime) return hit(key, entry, query, now);
      if (!query.rd) {
        // Who wants no recursion may have an answer that is there, but what the upstream then says is half of one.
        query.trace.step("cache", "passed on: no recursion is desired");
        return passingOn.resolve(query);
      }
      const stale = serveStale === false ? undefined : staleOf(key, entry, serveStale, now);
      const failure = failed.get(key);
      if (stale !== undefined && failure !== undefined && now - failure.at < stale.rules.recheck * 1000) {
        if (now >= failure.until) inTheBackground(key, query);
        return staleAnswer(stale, query, reasonOf(failure.answer));
      }
      if (failure !== undefined && now < failure.until) return failureAnswer(failure, query, now);
      return wait(key, query, stale, now);
    }

    function hit(key: string, entry: Entry, query: Query, now: number): Answer {
      counters.hits++;
      entry.hits++;
      const age = ageOf(entry, now);
      const ageSeconds = Math.floor(age);
      query.trace.step("cache", "hit", () => ({
        ageSeconds,
        remainingSeconds: entry.lifetime - ageSeconds,
        upstream: entry.upstream,
      }));
      const aged = unpack(entry.octets, query.question, (ttl) => ttl - ageSeconds);
      const lastPart = settings.prefetch ? entry.lifetime * PREFETCH_PART : 0;
      const isEnding = age >= entry.lifetime - lastPart;
      if (isEnding && entry.hits >= PREFETCH_HITS && query.rd && !hasFailedLately(key, now)) {
        if (inTheBackground(key, query)) {
          counters.prefetches++;
          query.trace.step("cache", "prefetch started", { hits: entry.hits });
        }
      }
      const milliseconds = (entry.lifetime - lastPart - age) * 1000;
      if (milliseconds > 0 && entry.mark === 0) entry.mark = uses.nextMark();
      const agedMs = (age - ageSeconds) * 1000;
      const reuse: Reuse | undefined =
        milliseconds > 0 ? { milliseconds, agedMs, mark: entry.mark } : undefined;
      return { ...aged, upstream: entry.upstream, ...(reuse && { reuse }) };
    }

    function hasFailedLately(key: string, now: number): boolean {
      return now < (failed.get(key)?.until ?? 0);
    }

    /** Asks, or joins those who ask already. */
    async function wait(
      key: string,
      query: Query,
      stale: Stale | undefined,
      now: number,
    ): Promise<Answer | undefined> {
      counters.misses++;
      const known = flights.get(key);
      if (known !== undefined) counters.joined++;
      query.trace.step("cache", known === undefined ? "miss" : "joined a question in flight");
      const flight = known ?? start(key, query);
      const outcome = known === undefined ? flight.outcome : flight.join(query);
      const ms = stale && flight.since + stale.rules.answerAfter * 1000 - now;
      const ended = await patiently(outcome, { clock, ms, signal: query.signal });
      if (typeof ended === "object" && "answer" in ended) {
        const { answer } = ended;
        if (answer === undefined || stale === undefined || !isFailure(answer)) return given(answer, query);
      }
      if (stale !== undefined && !isBug(ended)) return staleAnswer(stale, query, whyStale(ended, stale));
      if (typeof ended === "object" && "thrown" in ended) throw ended.thrown;
      throw new ResolveFailure({
        code: EdeCode.OTHER,
        text: "the query was given up before upstreams answered",
      });
    }

    /** Asks for everybody: with a signal of nobody's own, and for AD, which `server` gives to those who can read it. */
    function start(key: string, query: Query): Flight {
      let isAdmitted = false;
      const asking = admit({
        name,
        async resolve(shared: Query) {
          isAdmitted = true;
          try {
            const answer = await inner.resolve(shared);
            return flights.get(key) === flight ? learn(key, shared, answer) : answer;
          } catch (error) {
            if (error instanceof ResolveFailure && flights.get(key) === flight) {
              failed.add(key, reply("none", { rcode: error.rcode, ede: [error.ede] }), time());
            }
            throw error;
          }
        },
      });
      const outcome = settle(asking.resolve({ ...query, ad: true, signal })).then((ended) => {
        if (flights.get(key) === flight) flights.delete(key);
        return ended;
      });
      const join = (other: Query) => settle(admit(saying(name, outcome)).resolve(other));
      const flight: Flight = { since: time(), outcome, join };
      // A refusal is of this client alone: others try for themselves.
      if (isAdmitted) flights.set(key, flight);
      return flight;
    }

    function inTheBackground(key: string, query: Query): boolean {
      if (flights.get(key) !== undefined || inBackground >= BACKGROUND_MAX) return false;
      inBackground++;
      void start(key, { ...query, trace: noTrace }).outcome.then(() => inBackground--);
      return true;
    }

    return { name, resolve };
  }

  /** Keeps what may be kept, and forgets what is no longer true. */
  function learn(key: string, { question, trace }: Query, answer: Answer | undefined): Answer | undefined {
    // What a resolver made up itself, it can make up again.
    if (answer?.origin !== "upstream") return answer;
    if (isFailure(answer)) {
      failed.add(key, answer, time());
      trace.step("cache", "failure remembered");
      return answer;
    }
    failed.delete(key);
    const kept = keeping(question, answer, settings);
    const octets = "answer" in kept ? pack(question, kept.answer) : undefined;
    if ("why" in kept || octets === undefined) {
      store.delete(key);
      trace.step("cache", "not stored", { why: "why" in kept ? kept.why : "it is too long" });
      return answer;
    }
    const { upstream } = answer;
    const entry = { octets, upstream, storedAt: time(), lifetime: kept.seconds, hits: 0, mark: 0 };
    putIn(store, key, entry, uses);
    trace.step("cache", "stored", { seconds: kept.seconds });
    return kept.answer;
  }

  function staleOf(key: string, entry: Entry | undefined, rules: ServeStale, now: number): Stale | undefined {
    if (entry === undefined) return undefined;
    const expiredFor = ageOf(entry, now) - entry.lifetime;
    if (expiredFor < rules.maxAge) return { entry, rules, expiredFor };
    store.delete(key);
    return undefined;
  }

  function staleAnswer({ entry, rules, expiredFor }: Stale, query: Query, because: string): Answer {
    counters.stale++;
    const seconds = Math.floor(expiredFor);
    query.trace.step("cache", "stale", { because, expiredForSeconds: seconds });
    const old = unpack(entry.octets, query.question, () => rules.ttl);
    const code = old.rcode === Rcode.NXDOMAIN ? EdeCode.STALE_NXDOMAIN : EdeCode.STALE_ANSWER;
    const ede = [{ code, text: `expired ${seconds} s ago: ${because}` }, ...old.ede];
    // Nobody vouches for it any more.
    return { ...old, ad: false, ede, origin: "stale", upstream: entry.upstream };
  }

  function failureAnswer({ answer, until }: Failed, query: Query, now: number): Answer {
    counters.failures++;
    const ms = Math.ceil(until - now);
    query.trace.step("cache", "failed a moment ago", { because: reasonOf(answer), askedAgainInMs: ms });
    const text = `asked again in ${(ms / 1000).toFixed(1)} s at the earliest`;
    const ede = [...answer.ede, { code: EdeCode.CACHED_ERROR, text }];
    return { ...given(answer, query), origin: "cache", ede };
  }

  function flush(name?: Name): number {
    const isMeant = name === undefined ? () => true : (key: string) => nameInKey(key) === foldName(name);
    // What is in flight was asked before, so it is not to be kept, nor to be joined.
    for (const key of flights.keys().filter(isMeant)) flights.delete(key);
    for (const key of [...failed.keys()].filter(isMeant)) failed.delete(key);
    const keys = [...store.keys()].filter(isMeant);
    for (const key of keys) store.delete(key);
    return keys.length;
  }

  return {
    cached: settings.maxBytes === 0 ? ({ inner, admit }) => admit(inner) : cached,
    flush,
    givenElsewhere(count) {
      counters.hits += count;
    },
    stats: () => ({
      entries: store.size,
      bytes: store.calculatedSize,
      maxBytes: settings.maxBytes,
      ...counters,
    }),
  };
}

/** An expired entry that may be given in need. */
interface Stale {
  readonly entry: Entry;
  readonly rules: ServeStale;
  /** Seconds. */
  readonly expiredFor: number;
}

function ageOf({ storedAt }: Entry, now: number): number {
  return (now - storedAt) / 1000;
}

/** The answer that all waited for, as this one asked for it. */
function given<A extends Answer | undefined>(answer: A, { question: { name } }: Query): A {
  if (answer === undefined) return answer;
  const { answers, authority, additional } = answer;
  return {
    ...answer,
    answers: asAsked(answers, name),
    authority: asAsked(authority, name),
    additional: asAsked(additional, name),
  };
}

function isBug(ended: Outcome | Impatience): boolean {
  return typeof ended === "object" && "thrown" in ended && !(ended.thrown instanceof ResolveFailure);
}

function whyStale(ended: Outcome | Impatience, { rules }: Stale): string {
  if (ended === "late") return `upstreams have not answered within ${rules.answerAfter} s`;
  if (ended === "aborted") return "the query was given up";
  if ("thrown" in ended) return (ended.thrown as ResolveFailure).message;
  return ended.answer === undefined ? "nobody answered" : reasonOf(ended.answer);
}

function reasonOf({ rcode, ede }: Answer): string {
  return ede[0]?.text || `upstream answered with rcode ${rcode}`;
}
