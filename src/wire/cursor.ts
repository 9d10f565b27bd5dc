import { WireError } from "./errors.ts";

/** Where a name was found, as `name-wire.ts` remembers it. */
export interface ReadName {
  readonly name: string;
  /** Octets of the whole name, uncompressed (RFC 1035 §2.3.4 counts these). */
  readonly length: number;
  /** Compression pointers on the way to its root label. */
  readonly hops: number;
}

/** Reads octets in network order from `offset`, never past `end`. Every method throws a `WireError` there. */
export class Reader {
  readonly octets: Uint8Array;
  offset: number;
  end: number;
  /** Names by the offset that a compression pointer gave, so that each is decoded once per message. */
  readonly pointedNames = new Map<number, ReadName>();
  /** The first offset that a compression pointer may give. */
  readonly firstTarget: number;
  private inRdata = false;

  constructor(octets: Uint8Array, offset: number, firstTarget: number) {
    this.octets = octets;
    this.firstTarget = firstTarget;
    this.offset = offset;
    this.end = octets.length;
  }

  uint8(): number {
    return this.octets[this.advance(1)]!;
  }

  uint16(): number {
    const at = this.advance(2);
    return (this.octets[at]! << 8) | this.octets[at + 1]!;
  }

  uint32(): number {
    const at = this.advance(4);
    const { octets } = this;
    return ((octets[at]! << 24) | (octets[at + 1]! << 16) | (octets[at + 2]! << 8) | octets[at + 3]!) >>> 0;
  }

  /** A copy, so that a record that is kept does not keep the whole message's buffer. */
  take(length: number): Uint8Array {
    const at = this.advance(length);
    const copy = new Uint8Array(length);
    copy.set(this.octets.subarray(at, at + length));
    return copy;
  }

  /** What is left before `end`. */
  rest(): Uint8Array {
    return this.take(this.end - this.offset);
  }

  /** A character-string: one octet of length, then so many octets (RFC 1035 §3.3). */
  string(): Uint8Array {
    return this.take(this.uint8());
  }

  /** Runs `read` on exactly the next `length` octets: it can neither read further nor stop earlier. */
  rdata<T>(length: number, read: () => T): T {
    const outer = this.end;
    if (length > outer - this.offset) throw new WireError("rdlength");
    this.end = this.offset + length;
    this.inRdata = true;
    const value = read();
    if (this.offset !== this.end) throw new WireError("rdata-trailing");
    this.end = outer;
    this.inRdata = false;
    return value;
  }

  /** Moves on and gives the old offset. */
  advance(length: number): number {
    const at = this.offset;
    if (length > this.end - at) throw this.short();
    this.offset = at + length;
    return at;
  }

  short(): WireError {
    return new WireError(this.inRdata ? "rdata-short" : "message-short");
  }
}

/**
 * Where each name, or end of a name, that may be pointed to begins. Most messages say one name again and again, so the
 * first is only taken apart into its ends when another one is written.
 */
export class NameOffsets {
  first: { readonly name: string; readonly at: number } | undefined;
  ends: Map<string, number> | undefined;
}

/** Octets that writers take theirs from, one after the other: a memory of its own costs more than a whole message. */
const SLAB_SIZE = 65_536;
/** Ordinary responses fit into what is left of a slab; the few others get a memory of their own. */
const LEAST_ROOM = 1024;
/** What is left of a slab; undefined while a writer has it, or if one has thrown and never gave it back. */
let spare: Uint8Array | undefined;

/** Writes octets in network order, growing as needed. A number that its field cannot hold throws a `WireError`. */
export class Writer {
  length = 0;
  /** What may be pointed to; undefined if no name is to be compressed. */
  readonly names: NameOffsets | undefined;
  private buffer: Uint8Array;
  private isSlab = true;

  constructor(names?: NameOffsets) {
    this.names = names;
    this.buffer = spare ?? new Uint8Array(SLAB_SIZE);
    spare = undefined;
  }

  uint8(value: number): void {
    this.claim(1, value, 0xff);
    this.buffer[this.length++] = value;
  }

  uint16(value: number): void {
    this.claim(2, value, 0xffff);
    this.buffer[this.length++] = value >> 8;
    this.buffer[this.length++] = value;
  }

  uint32(value: number): void {
    this.claim(4, value, 0xffffffff);
    for (let shift = 24; shift >= 0; shift -= 8) this.buffer[this.length++] = value >>> shift;
  }

  octets(octets: Uint8Array): void {
    this.reserve(octets.length);
    this.buffer.set(octets, this.length);
    this.length += octets.length;
  }

  /** The characters of `text` from `from` to before `to`; false, with nothing gained, if one is not printable ASCII. */
  ascii(text: string, from: number, to: number): boolean {
    this.reserve(to - from);
    for (let at = from; at < to; at++) {
      const code = text.charCodeAt(at);
      if (code <= 0x20 || code >= 0x7f) return false;
      this.buffer[this.length++] = code;
    }
    return true;
  }

  string(octets: Uint8Array): void {
    if (octets.length > 255) throw new WireError("string-long");
    this.uint8(octets.length);
    this.octets(octets);
  }

  /** Writes what `write` writes, with its length in two octets before it. */
  rdata(write: () => void): void {
    const at = this.length;
    this.uint16(0);
    write();
    const length = this.length - at - 2;
    if (length > 0xffff) throw new WireError("rdata-long");
    this.patch16(at, length);
  }

  /** Overwrites two octets that were written before. */
  patch16(at: number, value: number): void {
    this.claim(0, value, 0xffff);
    this.buffer[at] = value >> 8;
    this.buffer[at + 1] = value;
  }

  /** Takes back what was written after `length`. Only names that cannot be compressed may be written then. */
  cut(length: number): void {
    this.length = length;
  }

  /** What was written. The writer must not be used afterwards: it is not a copy. */
  finish(): Uint8Array {
    const { buffer, length } = this;
    if (this.isSlab && buffer.length - length >= LEAST_ROOM) spare = buffer.subarray(length);
    return buffer.subarray(0, length);
  }

  private claim(length: number, value: number, max: number): void {
    if (!Number.isInteger(value) || value < 0 || value > max) throw new WireError("number", String(value));
    this.reserve(length);
  }

  private reserve(length: number): void {
    const needed = this.length + length;
    if (needed <= this.buffer.length) return;
    const grown = new Uint8Array(Math.max(needed, 2 * this.buffer.length));
    grown.set(this.buffer.subarray(0, this.length));
    // What was left of the slab is not worth keeping.
    this.isSlab = false;
    this.buffer = grown;
  }
}
