import type { Clock } from "../base/clock.ts";
import { typeName } from "../wire/iana.ts";
import type { Name } from "../wire/message.ts";
import { foldName, labelsOf } from "../wire/name.ts";

/**
 * Which server never answers which type in which zone, though it answers A there: a firewall that drops AAAA, a load
 * balancer that knows A only. Pure policy, no I/O and no timer.
 */
export interface Silence {
  isSilent(key: string, zone: Name, type: number): boolean;
  /** How long it took to answer at last, after having passed for silent; it is to be given twice that time. */
  tookMs(key: string, zone: Name, type: number): number | undefined;
  /** It was asked and did not answer, while it answered for A. */
  silent(key: string, zone: Name, type: number): void;
  /** It answered, though it was said to be silent: some name there, or all of them, can be waited for. */
  spoke(key: string, zone: Name, type: number, ms: number): void;
  /** True once in a while for what is silent: who gets it listens on, to hear whether it still is. */
  claimListening(key: string, zone: Name, type: number): boolean;
  /** `AAAA in example.org.`, for `status`. */
  list(key: string): string[];
}

/** A firewall is mended seldom, and each query listens whether it is. */
const MEMORY_MS = 10 * 60_000;
const LISTEN_EVERY_MS = 5_000;
/** Some 200 octets each; the oldest beyond it is forgotten, which costs one query a second. */
const MAX_ENTRIES = 4096;
/** `status` is for people. */
const MAX_LISTED = 10;

interface Entry {
  readonly key: string;
  readonly what: string;
  /** Undefined while it is silent. */
  tookMs: number | undefined;
  readonly until: number;
  listenAt: number;
}

export function silenceMemory({ clock }: { clock: Clock }): Silence {
  const entries = new Map<string, Entry>();

  function find(key: string, zone: Name, type: number): Entry | undefined {
    if (entries.size === 0) return undefined;
    const id = idOf(key, zone, type);
    const entry = entries.get(id);
    if (entry === undefined || clock.now() < entry.until) return entry;
    entries.delete(id);
    return undefined;
  }

  return {
    isSilent(key, zone, type) {
      const entry = find(key, zone, type);
      return entry !== undefined && entry.tookMs === undefined;
    },
    tookMs: (key, zone, type) => find(key, zone, type)?.tookMs,
    silent(key, zone, type) {
      // Where some names are answered and others are not, none of them is answered for before its time.
      if (find(key, zone, type) !== undefined) return;
      if (entries.size >= MAX_ENTRIES) entries.delete(entries.keys().next().value!);
      const now = clock.now();
      const what = `${typeName(type)} in ${zone}`;
      const entry = { key, what, tookMs: undefined, until: now + MEMORY_MS, listenAt: now };
      entries.set(idOf(key, zone, type), entry);
    },
    spoke(key, zone, type, ms) {
      const entry = find(key, zone, type);
      if (entry !== undefined) entry.tookMs = Math.max(entry.tookMs ?? 0, ms);
    },
    claimListening(key, zone, type) {
      const entry = find(key, zone, type);
      if (entry === undefined || clock.now() < entry.listenAt) return false;
      entry.listenAt = clock.now() + LISTEN_EVERY_MS;
      return true;
    },
    list(key) {
      const silent = [...entries.values()].filter(
        (entry) => entry.key === key && entry.tookMs === undefined && clock.now() < entry.until,
      );
      return silent.slice(-MAX_LISTED).map(({ what }) => what);
    },
  };
}

/** The zone is not known to who forwards; a name's parent is as near as one gets. Two labels are a zone's own name. */
export function zoneOf(name: Name): Name {
  const folded = foldName(name);
  const [first, ...rest] = labelsOf(folded);
  return first === undefined || rest.length < 2 ? folded : folded.slice(first.length + 1);
}

function idOf(key: string, zone: Name, type: number): string {
  return `${type} ${zone} ${key}`;
}
