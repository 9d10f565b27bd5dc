/** What caches did, of which each takes the place of the one before. Plain numbers that only grow, for metrics. */
export interface CacheCounters {
  /** Answered from a fresh entry, here or by the data plane. */
  hits: number;
  /** Asked of upstreams, by each client that waited for it. */
  misses: number;
  /** Of these, clients that waited for a question that was in flight already. */
  joined: number;
  /** Answered from an expired entry, because upstreams failed or took too long. */
  stale: number;
  /** Answered with a failure that was remembered. */
  failures: number;
  /** Asked in the background before the entry expired. */
  prefetches: number;
  /** Entries that made room for others. */
  evictions: number;
}

export function cacheCounters(): CacheCounters {
  return { hits: 0, misses: 0, joined: 0, stale: 0, failures: 0, prefetches: 0, evictions: 0 };
}
