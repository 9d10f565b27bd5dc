import type { Clock } from "../base/clock.ts";
import { formatServer, type ServerAddress } from "../base/server-address.ts";

/**
 * What is known of each upstream server from the queries that went there: pure policy, no I/O and no timer.
 * A server is named by its `serverKey`.
 *
 * Being down is only a place in the order: a server that is down is still asked when all others have failed.
 */
export interface Health {
  /** How long an answer usually takes: after that it is worth asking somebody else as well, seldom. */
  usualMs(key: string): number;
  /** After so long, no query waits for this server alone. At least `usualMs`. */
  overdueMs(key: string): number;
  /** It sent a valid reply, whatever the rcode: it is alive. */
  answered(key: string, rttMs: number): void;
  /** Whether it has replied to anything since then. */
  heardSince(key: string, when: number): boolean;
  /** It could not be reached, or is silent on whatever it is asked: it is down. */
  failed(key: string, reason: string): void;
  /** It was overdue, and another server had answered meanwhile. */
  overtaken(key: string): void;
  /** True once per retry time for a server that is down: who gets it tries the server, out of any client's way. */
  claimRetry(key: string): boolean;
  /** True once in a while for a server that is not down and was not heard of lately: its time is to be taken anew. */
  claimMeasuring(key: string): boolean;
  isDown(key: string): boolean;
  of(key: string): ServerHealth;
}

export interface ServerHealth {
  readonly state: "unknown" | "up" | "down";
  /** Round-trip time of the latest reply; undefined before the first one. */
  readonly rttMs: number | undefined;
  /** Smoothed, and how far it strays (RFC 6298); undefined before the first reply. */
  readonly srttMs: number | undefined;
  readonly rttvarMs: number | undefined;
  /** Failures and overtakings since the last reply. */
  readonly failures: number;
  /** When the state was entered, in milliseconds since 1970; undefined while unknown. */
  readonly since: number | undefined;
  readonly lastFailure: string | undefined;
}

/** The key of a server: equal addresses in two network namespaces are two servers. */
export function serverKey(scope: string, server: ServerAddress): string {
  const known = keys.get(server);
  if (known?.scope === scope) return known.key;
  const key = `${scope} ${formatServer(server)}`;
  keys.set(server, { scope, key });
  return key;
}

/** The latest key of each server: most are asked from one namespace, and a key is wanted several times a query. */
const keys = new WeakMap<ServerAddress, { readonly scope: string; readonly key: string }>();

/** A cache miss at a healthy resolver takes this long without meaning anything. */
const MIN_USUAL_MS = 100;
/**
 * Two servers that died at once still leave the third time to answer within a second. It is also the time of a server
 * that nobody has met: more than most recursions take.
 */
const MIN_OVERDUE_MS = 300;
/** A satellite link's. Whoever takes longer is asked together with the next. */
const MAX_OVERDUE_MS = 700;
/** One lost datagram is no death; two in a row from a server that used to answer are. */
const OVERTAKEN_LIMIT = 2;
/** The first retry of a dead server comes soon, as most outages are restarts; a long dead one costs a query a minute. */
const MIN_RETRY_MS = 1_000;
const MAX_RETRY_MS = 60_000;
/** Retries of many daemons, which saw the same server die together, must not come together. */
const RETRY_JITTER = 0.25;
/** So old, a time says little of a server that others are preferred to. */
const STALE_MS = 30_000;
/** Enough for every container to have its own servers; the oldest beyond it is forgotten, which only costs a retry. */
const MAX_SERVERS = 4096;

interface Entry {
  state: "unknown" | "up" | "down";
  rttMs: number | undefined;
  srttMs: number | undefined;
  rttvarMs: number;
  failures: number;
  since: number | undefined;
  lastFailure: string | undefined;
  retryAt: number;
  retryGapMs: number;
  /** Not to be measured before. */
  measureAt: number;
  heardAt: number;
}

/** `random` gives numbers from 0 up to 1. */
export function health({ clock, random = Math.random }: { clock: Clock; random?: () => number }): Health {
  const entries = new Map<string, Entry>();

  function down(entry: Entry, reason: string): void {
    entry.lastFailure = reason;
    // A crowd of queries that fail together is one outage: only a retry that was claimed lengthens the gap.
    if (entry.state === "down") return;
    enter(entry, "down");
    entry.retryGapMs = MIN_RETRY_MS;
    entry.retryAt = clock.now() + jittered(MIN_RETRY_MS);
  }

  function jittered(gapMs: number): number {
    return gapMs * (1 + RETRY_JITTER * (2 * random() - 1));
  }

  function enter(entry: Entry, state: "up" | "down"): void {
    if (entry.state === state) return;
    entry.state = state;
    entry.since = clock.wall();
  }

  /** As TCP's retransmission timer (RFC 6298 §2.3). */
  function rto({ srttMs, rttvarMs }: Entry): number {
    return srttMs === undefined ? MIN_OVERDUE_MS : srttMs + 4 * rttvarMs;
  }

  return {
    usualMs(key) {
      const entry = entries.get(key);
      if (entry?.state === "down") return MIN_USUAL_MS;
      return between(MIN_USUAL_MS, entry === undefined ? MIN_OVERDUE_MS : rto(entry), MAX_OVERDUE_MS);
    },

    overdueMs(key) {
      const entry = entries.get(key);
      if (entry?.state === "down") return MIN_USUAL_MS;
      return between(MIN_OVERDUE_MS, entry === undefined ? 0 : rto(entry), MAX_OVERDUE_MS);
    },

    answered(key, rttMs) {
      const entry = entryOf(entries, key);
      if (entry.srttMs === undefined || entry.state === "down") {
        // What it was before it went down says nothing about the server that came back.
        entry.srttMs = rttMs;
        entry.rttvarMs = rttMs / 2;
      } else {
        entry.rttvarMs = 0.75 * entry.rttvarMs + 0.25 * Math.abs(entry.srttMs - rttMs);
        entry.srttMs = 0.875 * entry.srttMs + 0.125 * rttMs;
      }
      entry.rttMs = rttMs;
      entry.heardAt = clock.now();
      entry.failures = 0;
      entry.measureAt = clock.now() + STALE_MS;
      enter(entry, "up");
    },

    heardSince: (key, when) => (entries.get(key)?.heardAt ?? Number.NEGATIVE_INFINITY) >= when,

    failed(key, reason) {
      const entry = entryOf(entries, key);
      entry.failures++;
      down(entry, reason);
    },

    overtaken(key) {
      const entry = entryOf(entries, key);
      entry.failures++;
      if (entry.state !== "up" || entry.failures >= OVERTAKEN_LIMIT) down(entry, "did not answer in time");
    },

    claimRetry(key) {
      const entry = entries.get(key);
      if (entry?.state !== "down" || clock.now() < entry.retryAt) return false;
      entry.retryGapMs = Math.min(MAX_RETRY_MS, entry.retryGapMs * 2);
      entry.retryAt = clock.now() + jittered(entry.retryGapMs);
      return true;
    },

    claimMeasuring(key) {
      const entry = entryOf(entries, key);
      if (entry.state === "down" || clock.now() < entry.measureAt) return false;
      entry.measureAt = clock.now() + STALE_MS;
      return true;
    },

    isDown: (key) => entries.get(key)?.state === "down",

    of(key) {
      const { state, rttMs, srttMs, rttvarMs, failures, since, lastFailure } = entries.get(key) ?? unknown();
      return {
        state,
        rttMs,
        srttMs,
        rttvarMs: srttMs === undefined ? undefined : rttvarMs,
        failures,
        since,
        lastFailure,
      };
    },
  };
}

function between(min: number, value: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}

function entryOf(entries: Map<string, Entry>, key: string): Entry {
  const known = entries.get(key);
  if (known !== undefined) return known;
  if (entries.size >= MAX_SERVERS) entries.delete(entries.keys().next().value!);
  const entry = unknown();
  entries.set(key, entry);
  return entry;
}

function unknown(): Entry {
  return {
    state: "unknown",
    rttMs: undefined,
    srttMs: undefined,
    rttvarMs: 0,
    failures: 0,
    since: undefined,
    lastFailure: undefined,
    retryAt: 0,
    retryGapMs: MIN_RETRY_MS,
    measureAt: 0,
    heardAt: Number.NEGATIVE_INFINITY,
  };
}
