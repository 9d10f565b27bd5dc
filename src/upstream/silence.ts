import type { Clock } from "../base/clock.ts";
import { typeName } from "../wire/iana.ts";
import type { Name } from "../wire/message.ts";
import { foldName, labelsOf } from "../wire/name.ts";

/**
 * Which server never answers which type for which names, though it answers A there: a firewall that drops AAAA, a load
 * balancer that knows A only. Pure policy, no I/O and no timer (decision 18).
 *
 * A name passes for silent once it was. A zone does once several names of it were, and none that was asked meanwhile
 * was answered: `co.uk.` is no zone to whoever asks there, and one dead name in it says nothing of the next.
 */
export interface Silence {
  /** Whether the name was silent itself, or would be the next of a zone that is. */
  of(key: string, name: Name, type: number): "name" | "zone" | undefined;
  /** How long it took to answer at last, after having passed for silent; it is to be given twice that time. */
  tookMs(key: string, name: Name, type: number): number | undefined;
  /** It was asked and did not answer, while it answered for A. */
  silent(key: string, name: Name, type: number): void;
  /** It answered: the name, and any other of its zone that nobody has asked for, can be waited for. */
  spoke(key: string, name: Name, type: number, ms: number): void;
  /** True once in a while for what is silent: who gets it listens, to hear whether it still is. */
  claimListening(key: string, name: Name, type: number): boolean;
  /** `AAAA in example.org.`, or `AAAA of www.example.org.`, for `status`. */
  list(key: string): string[];
}

/** A firewall is mended seldom, and each query listens whether it is. */
const MEMORY_MS = 10 * 60_000;
/** One name is somebody's dead load balancer, two are that and its `www`; and each costs somebody a second. */
const NAMES_OF_SILENT_ZONE = 3;
/** Each listens for four seconds: so a name that is asked for all the time has four sockets, and is soon set right. */
const LISTEN_EVERY_MS = 1_000;
/** Some 200 octets each, of names and of zones; the oldest beyond it is forgotten, which costs one query a second. */
const MAX_ENTRIES = 4096;
/** `status` is for people. */
const MAX_LISTED = 10;

interface Zone {
  readonly key: string;
  readonly what: string;
  readonly until: number;
  silentNames: number;
  hasSpoken: boolean;
  listenAt: number;
}

interface Entry {
  readonly key: string;
  readonly what: string;
  readonly until: number;
  readonly zone: Zone;
  /** It had little time, because its zone passed for silent; so if that was wrong, this may be. */
  readonly isHasty: boolean;
  /** Undefined while it is silent. */
  tookMs: number | undefined;
  listenAt: number;
}

export function silenceMemory({ clock }: { clock: Clock }): Silence {
  const zones = new Map<string, Zone>();
  const names = new Map<string, Entry>();

  function findZone(key: string, name: Name, type: number): Zone | undefined {
    // Nearly always, and this is asked for every reply.
    if (zones.size === 0) return undefined;
    return alive(zones, idOf(key, zoneOf(name), type));
  }

  function findName(key: string, name: Name, type: number): Entry | undefined {
    if (names.size === 0) return undefined;
    const id = idOf(key, foldName(name), type);
    const entry = alive(names, id);
    if (entry === undefined || !isDoubtful(entry)) return entry;
    names.delete(id);
    return undefined;
  }

  function alive<T extends { until: number }>(map: Map<string, T>, id: string): T | undefined {
    const entry = map.get(id);
    if (entry === undefined || clock.now() < entry.until) return entry;
    map.delete(id);
    return undefined;
  }

  return {
    of(key, name, type) {
      const entry = findName(key, name, type);
      if (entry !== undefined) return entry.tookMs === undefined ? "name" : undefined;
      const zone = findZone(key, name, type);
      return zone !== undefined && isSilent(zone) ? "zone" : undefined;
    },
    tookMs: (key, name, type) => findName(key, name, type)?.tookMs,
    silent(key, name, type) {
      // Once it has answered late, it is not answered for before its time.
      if (findName(key, name, type) !== undefined) return;
      const now = clock.now();
      const until = now + MEMORY_MS;
      let zone = findZone(key, name, type);
      if (zone === undefined) {
        const what = `${typeName(type)} in ${zoneOf(name)}`;
        zone = { key, what, until, silentNames: 0, hasSpoken: false, listenAt: now };
        put(zones, idOf(key, zoneOf(name), type), zone);
      }
      const what = `${typeName(type)} of ${foldName(name)}`;
      const isHasty = isSilent(zone);
      const entry: Entry = { key, what, until, zone, isHasty, tookMs: undefined, listenAt: now };
      put(names, idOf(key, foldName(name), type), entry);
      zone.silentNames++;
    },
    spoke(key, name, type, ms) {
      const zone = findZone(key, name, type);
      // Before the zone has spoken: that forgets hasty ones.
      const entry = findName(key, name, type);
      if (entry !== undefined) entry.tookMs = Math.max(entry.tookMs ?? 0, ms);
      if (zone !== undefined) zone.hasSpoken = true;
    },
    claimListening(key, name, type) {
      // A name that nobody has found silent yet speaks for its zone.
      const silent = findName(key, name, type) ?? findZone(key, name, type);
      if (silent === undefined || clock.now() < silent.listenAt) return false;
      silent.listenAt = clock.now() + LISTEN_EVERY_MS;
      return true;
    },
    list(key) {
      const isOn = (each: Zone | Entry) => each.key === key && clock.now() < each.until;
      const silentZones = [...zones.values()].filter((zone) => isOn(zone) && isSilent(zone));
      const silentNames = [...names.values()].filter(
        (entry) => isOn(entry) && entry.tookMs === undefined && !isSilent(entry.zone) && !isDoubtful(entry),
      );
      return [...silentZones, ...silentNames].slice(0, MAX_LISTED).map(({ what }) => what);
    },
  };
}

function isSilent({ silentNames, hasSpoken }: Zone): boolean {
  return silentNames >= NAMES_OF_SILENT_ZONE && !hasSpoken;
}

function isDoubtful({ isHasty, tookMs, zone }: Entry): boolean {
  return isHasty && tookMs === undefined && zone.hasSpoken;
}

function put<T>(map: Map<string, T>, id: string, entry: T): void {
  if (map.size >= MAX_ENTRIES) map.delete(map.keys().next().value!);
  map.set(id, entry);
}

/** The zone is not known to who forwards; a name's parent is as near as one gets. Two labels are a zone's own name. */
export function zoneOf(name: Name): Name {
  const folded = foldName(name);
  const [first, ...rest] = labelsOf(folded);
  return first === undefined || rest.length < 2 ? folded : folded.slice(first.length + 1);
}

function idOf(key: string, name: Name, type: number): string {
  return `${type} ${name} ${key}`;
}
