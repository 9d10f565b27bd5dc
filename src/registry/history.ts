import type { HistoryEntry } from "./model.ts";
import { nameMatcher } from "./name-matcher.ts";

/** The latest bindings that were added and removed; older ones are forgotten. */
export interface History {
  add(entry: HistoryEntry): void;
  /** Newest last; with a name, only those of `name` or `name.network`. */
  list(name?: string): HistoryEntry[];
}

/** A ring: adding costs the same whether it is full or not. */
export function createHistory(limit: number): History {
  const ring: HistoryEntry[] = [];
  let oldest = 0;
  return {
    add(entry) {
      if (ring.length < limit) {
        ring.push(entry);
      } else if (limit > 0) {
        ring[oldest] = entry;
        oldest = (oldest + 1) % limit;
      }
    },
    list(name) {
      const all = [...ring.slice(oldest), ...ring.slice(0, oldest)];
      if (name === undefined) return all;
      const matches = nameMatcher(name);
      return all.filter((entry) => matches(entry.name, entry.network));
    },
  };
}
