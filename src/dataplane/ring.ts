/**
 * Messages from one thread to another, in shared memory: one writes, one reads, neither waits. Each side's position
 * counts octets and is stored, with `Atomics`, only after it is done with them, so the other finds them whole and does
 * not touch those that are still in use.
 */
const WRITTEN = 0;
const READ = 1;
/** 1 while the reader wants to be woken. */
const ASLEEP = 2;
const HEADER_OCTETS = 64;
/** Before each message its length; this says that the rest of the ring is not used. */
const SKIP = 0xffff_ffff;
const ALIGN = 8;

/** `octets`: a power of two. */
export function ringMemory(octets: number): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(HEADER_OCTETS + octets);
  new Int32Array(memory)[ASLEEP] = 1;
  return memory;
}

export interface RingWriter {
  /** The ring: what `reserve` gives is an offset in it, a multiple of eight. */
  readonly octets: Uint8Array;
  /** Where `length` octets may be written; -1 if there is no room. */
  reserve(length: number): number;
  /** Hands over what was reserved last. True if the reader is to be woken. */
  publish(): boolean;
}

export function ringWriter(memory: SharedArrayBuffer): RingWriter {
  const header = new Uint32Array(memory, 0, HEADER_OCTETS / 4);
  const octets = new Uint8Array(memory, HEADER_OCTETS);
  const words = new Uint32Array(memory, HEADER_OCTETS);
  const size = octets.length;
  let next = header[WRITTEN]!;

  return {
    octets,
    reserve(length) {
      const written = header[WRITTEN]!;
      const needed = ALIGN + Math.ceil(length / ALIGN) * ALIGN;
      let at = written & (size - 1);
      const skipped = at + needed > size ? size - at : 0;
      const free = size - ((written - Atomics.load(header, READ)) >>> 0);
      if (skipped + needed > free) return -1;
      if (skipped > 0) {
        words[at >> 2] = SKIP;
        at = 0;
      }
      words[at >> 2] = length;
      next = (written + skipped + needed) >>> 0;
      return at + ALIGN;
    },
    publish() {
      Atomics.store(header, WRITTEN, next);
      return Atomics.exchange(header, ASLEEP, 0) === 1;
    },
  };
}

export interface RingReader {
  readonly octets: Uint8Array;
  /** The same memory: a message begins at its offset / 4. */
  readonly words: Uint32Array;
  /** The message that comes next, in `octets` until `release`; undefined if there is none. */
  next(): { readonly offset: number; readonly length: number } | undefined;
  release(): void;
  /** Where what is written by now ends. */
  end(): number;
  /** Whether all up to an end has been released. */
  isPast(end: number): boolean;
  /** To be called when `next` gave nothing, which has to be asked again then: what comes after it wakes. */
  sleep(): void;
}

export function ringReader(memory: SharedArrayBuffer): RingReader {
  const header = new Uint32Array(memory, 0, HEADER_OCTETS / 4);
  const octets = new Uint8Array(memory, HEADER_OCTETS);
  const words = new Uint32Array(memory, HEADER_OCTETS);
  const size = octets.length;
  let after = 0;

  return {
    octets,
    words,
    next() {
      const read = header[READ]!;
      if (Atomics.load(header, WRITTEN) === read) return undefined;
      let at = read & (size - 1);
      let skipped = 0;
      if (words[at >> 2] === SKIP) {
        skipped = size - at;
        at = 0;
      }
      const length = words[at >> 2]!;
      after = (read + skipped + ALIGN + Math.ceil(length / ALIGN) * ALIGN) >>> 0;
      return { offset: at + ALIGN, length };
    },
    release: () => void Atomics.store(header, READ, after),
    end: () => Atomics.load(header, WRITTEN),
    isPast: (end) => ((end - header[READ]!) | 0) <= 0,
    sleep: () => void Atomics.store(header, ASLEEP, 1),
  };
}
