import { LRUCache } from "lru-cache";
import type { Answer } from "../resolver/resolver.ts";
import type { CacheCounters } from "./counters.ts";

/** One answer that is kept. */
export interface Entry {
  /** As `packed.ts` makes them. */
  readonly octets: string;
  readonly upstream: Answer["upstream"];
  /** In milliseconds. */
  readonly storedAt: number;
  /** In seconds: how long it is fresh. */
  readonly lifetime: number;
  /** How often it was given again. */
  hits: number;
}

/**
 * What an entry takes besides the characters of its key and its octets: the entry, its places in the tables, and
 * what strings cost. Measured with Node 20 as growth of the heap over 100,000 entries; see store.test.ts.
 */
export const ENTRY_BYTES = 300;

/** All entries, at most so many bytes: what was not asked for the longest makes room. */
export function createStore(maxBytes: number, counters: CacheCounters): LRUCache<string, Entry> {
  return new LRUCache({
    // 0 would be no bound at all. No entry fits into one byte.
    maxSize: Math.max(1, maxBytes),
    sizeCalculation: ({ octets, upstream }, key) =>
      ENTRY_BYTES + key.length + octets.length + (upstream?.length ?? 0),
    dispose: (_entry, _key, reason) => {
      if (reason === "evict") counters.evictions++;
    },
  });
}
