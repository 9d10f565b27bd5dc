/** What a user may set, as docs/config.md tells it. Times are seconds. */
export interface CacheSettings {
  /** Of all entries together; 0 keeps nothing. */
  readonly maxBytes: number;
  /** A record with a shorter TTL is given, and kept, with this one. */
  readonly minTtl: number;
  /** A record with a longer TTL is given, and kept, with this one (RFC 8767 §4: no more than 7 days). */
  readonly maxTtl: number;
  /** The same for NXDOMAIN and NODATA (RFC 2308 §5). */
  readonly maxNegativeTtl: number;
  /** Whether popular names are asked for anew shortly before they expire. */
  readonly prefetch: boolean;
  readonly serveStale: ServeStale | false;
}

/** RFC 8767, whose timers these are (§5). */
export interface ServeStale {
  /** How long after its expiry an answer may still be given. */
  readonly maxAge: number;
  /** The TTL of all records in such an answer. */
  readonly ttl: number;
  /** How long a client waits for upstreams before it gets such an answer ("client response timer"). */
  readonly answerAfter: number;
  /** How long after a failure nobody waits for upstreams at all ("failure recheck timer"). */
  readonly recheck: number;
}
