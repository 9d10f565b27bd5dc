import { formatSocketAddress, type SocketAddress } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";

/**
 * What is known of each upstream server from the queries that went there: pure policy, no I/O and no timer.
 * A server is named by its `serverKey`.
 *
 * Being down is only a place in the order: a server that is down is still asked when all others have failed.
 */
export interface Health {
  /** Those that are not down first; otherwise as given, because resolv.conf's order is the user's preference. */
  order<T>(servers: readonly T[], keyOf: (server: T) => string): readonly T[];
  /** How long an answer usually takes: after that it is time to ask somebody else as well. */
  patienceMs(key: string): number;
  /** It sent a valid reply, whatever the rcode: it is alive. */
  answered(key: string, rttMs: number): void;
  /** It could not be reached, or was silent for a query's whole time: it is down. */
  failed(key: string, reason: string): void;
  /** It was silent past its patience and another server answered meanwhile: dead or merely slow. */
  overtaken(key: string): void;
  /** True once per retry time for a server that is down: who gets it tries the server, out of any client's way. */
  claimRetry(key: string): boolean;
  of(key: string): ServerHealth;
}

export interface ServerHealth {
  readonly state: "unknown" | "up" | "down";
  /** Smoothed round-trip time; undefined before the first reply. */
  readonly rttMs: number | undefined;
  /** Failures and overtakings since the last reply. */
  readonly failures: number;
  /** When the state was entered, in milliseconds since 1970; undefined while unknown. */
  readonly since: number | undefined;
  readonly lastFailure: string | undefined;
}

/** The key of a server: equal addresses in two network namespaces are two servers. */
export function serverKey(scope: string, server: SocketAddress): string {
  return `${scope} ${formatSocketAddress(server)}`;
}

/** A cache miss at a healthy resolver takes this long without meaning anything. */
const MIN_PATIENCE_MS = 100;
/** Nobody waits longer before a second server is asked; five times less than glibc's whole patience. */
const MAX_PATIENCE_MS = 1000;
/** As Unbound for a server it never met: more than most recursions take, and an unneeded second question is cheap. */
const UNKNOWN_PATIENCE_MS = 400;
/** One lost datagram is no death; two in a row from a server that used to answer are. */
const OVERTAKEN_LIMIT = 2;
/** The first retry of a dead server comes soon, as most outages are restarts; a long dead one costs a query a minute. */
const MIN_RETRY_MS = 5_000;
const MAX_RETRY_MS = 60_000;
/** Enough for every container to have its own servers; the oldest beyond it is forgotten, which only costs a retry. */
const MAX_SERVERS = 4096;

interface Entry {
  state: "unknown" | "up" | "down";
  rttMs: number | undefined;
  deviationMs: number;
  failures: number;
  since: number | undefined;
  lastFailure: string | undefined;
  retryAt: number;
  retryGapMs: number;
}

export function health({ clock }: { clock: Clock }): Health {
  const entries = new Map<string, Entry>();

  function down(entry: Entry, reason: string): void {
    entry.lastFailure = reason;
    // A crowd of queries that fail together is one outage: only a retry that was claimed lengthens the gap.
    if (entry.state === "down") return;
    enter(entry, "down");
    entry.retryGapMs = MIN_RETRY_MS;
    entry.retryAt = clock.now() + MIN_RETRY_MS;
  }

  function enter(entry: Entry, state: "up" | "down"): void {
    if (entry.state === state) return;
    entry.state = state;
    entry.since = clock.wall();
  }

  return {
    order(servers, keyOf) {
      const isDown = (server: (typeof servers)[number]) => entries.get(keyOf(server))?.state === "down";
      if (!servers.some(isDown)) return servers;
      return [...servers.filter((server) => !isDown(server)), ...servers.filter(isDown)];
    },

    patienceMs(key) {
      const entry = entries.get(key);
      if (entry?.state === "down") return MIN_PATIENCE_MS;
      if (entry?.rttMs === undefined) return UNKNOWN_PATIENCE_MS;
      return Math.min(MAX_PATIENCE_MS, Math.max(MIN_PATIENCE_MS, entry.rttMs + 4 * entry.deviationMs));
    },

    answered(key, rttMs) {
      const entry = entryOf(entries, key);
      if (entry.rttMs === undefined || entry.state === "down") {
        // What it was before it went down says nothing about the server that came back.
        entry.rttMs = rttMs;
        entry.deviationMs = rttMs / 2;
      } else {
        // RFC 6298 §2.3, the estimator of TCP.
        entry.deviationMs = 0.75 * entry.deviationMs + 0.25 * Math.abs(entry.rttMs - rttMs);
        entry.rttMs = 0.875 * entry.rttMs + 0.125 * rttMs;
      }
      entry.failures = 0;
      enter(entry, "up");
    },

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
      entry.retryAt = clock.now() + entry.retryGapMs;
      return true;
    },

    of(key) {
      const { state, rttMs, failures, since, lastFailure } = entries.get(key) ?? unknown();
      return { state, rttMs, failures, since, lastFailure };
    },
  };
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
    deviationMs: 0,
    failures: 0,
    since: undefined,
    lastFailure: undefined,
    retryAt: 0,
    retryGapMs: MIN_RETRY_MS,
  };
}
