import { LRUCache } from "lru-cache";
import type { Answer } from "../resolver/resolver.ts";
import type { CacheCounters } from "./counters.ts";
import type { Uses } from "./uses.ts";

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
  /** Of `Uses`; 0 before it was given to somebody who may give it again. */
  mark: number;
}

/**
 * What an entry takes besides the characters of its key and its octets: the entry, its places in the tables, and
 * what strings cost. Measured with Node 20 as growth of the heap over 100,000 entries (docs/config.md).
 */
export const ENTRY_BYTES = 300;

/** All entries, at most so many bytes: what was not asked for the longest makes room. */
export function createStore(maxBytes: number, counters: CacheCounters): LRUCache<string, Entry> {
  return new LRUCache({
    // 0 would be no bound at all. No entry fits into one byte.
    maxSize: Math.max(1, maxBytes),
    sizeCalculation: sizeOf,
    dispose: (_entry, _key, reason) => {
      if (reason === "evict") counters.evictions++;
    },
  });
}

/** Looked at for one that is put in: where all are wanted, some have to go all the same. */
const SPARED_MAX = 64;

/**
 * Puts an entry in. Of those that would make room, the ones that were given elsewhere meanwhile are spared, as if they
 * had been asked for here.
 */
export function putIn(store: LRUCache<string, Entry>, key: string, entry: Entry, uses: Uses): void {
  let missing = store.calculatedSize + sizeOf(entry, key) - store.maxSize;
  const spared: string[] = [];
  if (missing > 0) {
    let left = SPARED_MAX;
    // From the one that was not asked for the longest.
    for (const candidate of store.rkeys()) {
      const old = store.peek(candidate)!;
      if (old.mark !== 0 && uses.take(old.mark)) spared.push(candidate);
      else missing -= sizeOf(old, candidate);
      left -= 1;
      if (missing <= 0 || left === 0) break;
    }
  }
  for (const each of spared) store.get(each);
  store.set(key, entry);
}

function sizeOf({ octets, upstream }: Entry, key: string): number {
  return ENTRY_BYTES + key.length + octets.length + (upstream?.length ?? 0);
}
