import { HEADER_WORDS, Time, Word } from "./entry.ts";
import { finish } from "./question-key.ts";
import type { Quiescence } from "./quiescence.ts";
import { holds } from "./stamps.ts";

/** A slot of the index: 24 bits that say where the entry is, in units of 16 octets, and 8 of its hash. 0 is empty. */
export const UNIT = 16;
export const ARENA_MAX = 2 ** 24 * UNIT;
/** Slots that a key may be in: together a line of the processor's cache, mostly. */
export const WAYS = 8;
const SEGMENTS = 16;
/** With entries of 128 octets, about what container names take, half of the slots are in use. */
const OCTETS_PER_SLOT = 64;

export interface TableMemory {
  readonly index: SharedArrayBuffer;
  readonly arena: SharedArrayBuffer;
  readonly stamps: SharedArrayBuffer;
}

/** For an arena of about so many octets. */
export function tableMemory(octets: number, stamps: SharedArrayBuffer): TableMemory {
  const arena = Math.min(ARENA_MAX, Math.ceil(octets / (SEGMENTS * UNIT)) * SEGMENTS * UNIT);
  const buckets = 2 ** Math.ceil(Math.log2(arena / OCTETS_PER_SLOT / WAYS));
  return {
    index: new SharedArrayBuffer(4 * WAYS * buckets),
    arena: new SharedArrayBuffer(arena),
    stamps,
  };
}

/** Where the eight slots of a key begin. */
export function bucketOf(hash: number, view: number, mask: number): number {
  return (finish(hash ^ Math.imul(view, 0x9e3779b1)) & mask) * WAYS;
}

/** What is put in: the entry but for the words that are the table's affair. */
export interface Candidate {
  readonly hash: number;
  readonly view: number;
  readonly tag: number;
  readonly moment: number;
  readonly key: Uint32Array;
  readonly keyWords: number;
  /** Octets besides the header and the key. */
  readonly bodyOctets: number;
  readonly expires: number;
  readonly stored: number;
  /** Writes words of the header that are its own, and the body; `at` in words. */
  write(words: Uint32Array, at: number, body: number): void;
}

/**
 * The answers that the workers give by themselves: written by one thread, read by others (`answer-reader.ts`), with
 * neither locks nor torn reads.
 *
 * Entries are written one after the other into an arena of segments. When a segment is full the next one is used,
 * whose entries have been made unreachable long before: so the oldest give way to new ones, and memory is bounded.
 * Where that can't be, because a worker may still be reading there, or because all slots of a key are taken by
 * entries that hold, something is not kept or kept no more: then a query goes through the pipeline, which is slower
 * and as right.
 *
 * The memory-ordering argument. An entry's octets are plain memory. They are written before the slot that leads to
 * them is stored, and read after it was loaded, both with `Atomics`: a load that sees the stored value synchronizes
 * with that store (ECMA-262, memory model), so all of the entry is seen. While any slot leads to an entry, and until
 * every worker has waited since the last one ceased to (`quiescence.ts`), its octets are not written again. Workers
 * count with `Atomics` when they begin and end to work, which orders their last read before the writer's reuse in
 * the same way. Hence plain reads and writes of an entry never race. That an entry is one that holds is decided by
 * `Atomics` loads of the stamps after it was found, so an answer can only be given that held at some moment after
 * the query had been received.
 */
export interface AnswerTable {
  /** False if there was no room. */
  put(candidate: Candidate, now: number): boolean;
  /** Makes all entries unreachable. */
  clear(): void;
  /** Entries that a slot leads to, of any age. */
  readonly size: number;
}

export function answerTable(memory: TableMemory, quiescence: Quiescence): AnswerTable {
  const index = new Uint32Array(memory.index);
  const words = new Uint32Array(memory.arena);
  const doubles = new Float64Array(memory.arena);
  const stamps = new Uint32Array(memory.stamps);
  const mask = index.length / WAYS - 1;
  const segmentOctets = memory.arena.byteLength / SEGMENTS;
  // No entry at 0: a slot that says so is empty.
  const beginOf = (segment: number) => (segment === 0 ? UNIT : segment * segmentOctets);
  /** Where each segment's entries end. */
  const ends = Array.from({ length: SEGMENTS }, (_, segment) => beginOf(segment));
  let segment = 0;
  let at = beginOf(0);
  let cleared = quiescence.mark();
  let size = 0;

  function unlinkSegment(which: number): void {
    for (let entry = beginOf(which); entry < ends[which]!; entry += words[(entry >> 2) + Word.SIZE]!) {
      const slot = words[(entry >> 2) + Word.SLOT]!;
      if ((index[slot]! & 0xff_ffff) * UNIT !== entry) continue;
      Atomics.store(index, slot, 0);
      size -= 1;
    }
    ends[which] = beginOf(which);
  }

  /** Room for so many octets; 0 if there is none at the moment. */
  function allocate(octets: number): number {
    if (at + octets > (segment + 1) * segmentOctets) {
      if (octets > segmentOctets - UNIT || !quiescence.hasPassed(cleared)) return 0;
      segment = (segment + 1) % SEGMENTS;
      at = beginOf(segment);
      unlinkSegment((segment + 1) % SEGMENTS);
      cleared = quiescence.mark();
    }
    const found = at;
    at += octets;
    ends[segment] = at;
    return found;
  }

  function isSame(entry: number, { hash, view, key, keyWords }: Candidate): boolean {
    const from = entry >> 2;
    if (words[from + Word.HASH] !== hash || words[from + Word.VIEW] !== view) return false;
    if (((words[from + Word.SHAPE]! >>> 16) & 0xff) !== keyWords) return false;
    for (let i = 0; i < keyWords; i++) if (words[from + HEADER_WORDS + i] !== key[i]) return false;
    return true;
  }

  function isVoid(entry: number, now: number): boolean {
    const from = entry >> 2;
    return (
      doubles[(entry >> 3) + Time.EXPIRES]! <= now ||
      !holds(stamps, words[from + Word.MOMENT]!, words[from + Word.SHAPE]! & 0xffff)
    );
  }

  /** The slot of the same key; or else one that is empty, or whose entry holds no more, or the one of the oldest. */
  function slotFor(candidate: Candidate, now: number): number {
    const bucket = bucketOf(candidate.hash, candidate.view, mask);
    let free = -1;
    let oldest = bucket;
    let oldestAhead = Number.POSITIVE_INFINITY;
    for (let slot = bucket; slot < bucket + WAYS; slot++) {
      const entry = (index[slot]! & 0xff_ffff) * UNIT;
      if (entry === 0) {
        if (free === -1) free = slot;
        continue;
      }
      if (isSame(entry, candidate)) return slot;
      if (free === -1 && isVoid(entry, now)) free = slot;
      // What lies next ahead of where entries are written was written the longest ago.
      const ahead = (entry - at + memory.arena.byteLength) % memory.arena.byteLength;
      if (ahead < oldestAhead) [oldest, oldestAhead] = [slot, ahead];
    }
    return free === -1 ? oldest : free;
  }

  function put(candidate: Candidate, now: number): boolean {
    const { hash, view, tag, moment, key, keyWords, bodyOctets } = candidate;
    const octets = Math.ceil((4 * (HEADER_WORDS + keyWords) + bodyOctets) / UNIT) * UNIT;
    const entry = allocate(octets);
    if (entry === 0) return false;
    const slot = slotFor(candidate, now);
    const from = entry >> 2;
    words[from + Word.HASH] = hash;
    words[from + Word.MOMENT] = moment;
    words[from + Word.VIEW] = view;
    words[from + Word.SHAPE] = tag | (keyWords << 16);
    words[from + Word.SIZE] = octets;
    words[from + Word.SLOT] = slot;
    doubles[(entry >> 3) + Time.EXPIRES] = candidate.expires;
    doubles[(entry >> 3) + Time.STORED] = candidate.stored;
    for (let i = 0; i < keyWords; i++) words[from + HEADER_WORDS + i] = key[i]!;
    candidate.write(words, from, from + HEADER_WORDS + keyWords);
    if (index[slot] === 0) size += 1;
    Atomics.store(index, slot, (entry / UNIT) | ((hash >>> 24) << 24));
    return true;
  }

  return {
    put,
    clear() {
      for (let which = 0; which < SEGMENTS; which++) unlinkSegment(which);
      // All entries are unreachable, the segments not yet free: go on in the next one, once that is.
      at = (segment + 1) * segmentOctets;
      cleared = quiescence.mark();
    },
    get size() {
      return size;
    },
  };
}
