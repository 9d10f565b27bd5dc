import { HEADER_LENGTH } from "../wire/limits.ts";

/** What of the client's flags an answer may depend on: part of the key. */
const EDNS = 1;
const DNSSEC_OK = 2;
const CHECKING_DISABLED = 4;
const AUTHENTIC_DATA = 8;
const RECURSION_DESIRED = 16;

const MAX_NAME = 255;
const OPT = 41;
const OPT_FIXED = 11;
/** As the pipeline has it (server/handle.ts): without EDNS 512 (RFC 1035 §4.2.1), and never more than this. */
const LIMIT_MIN = 512;
const LIMIT_MAX = 4096;

/** The name, its type and class, and the flags. */
export const KEY_MAX = MAX_NAME + 5;

/**
 * Everything that tells one question from another, read from the octets of a query. There is one object, filled in
 * anew with each `read`: the data plane makes nothing for a query.
 */
export interface QuestionKey {
  /** The name folded, type, class, one octet of flags; zeros up to a multiple of four. */
  readonly octets: Uint8Array;
  /** The same, four octets each, as the machine reads them. */
  readonly words: Uint32Array;
  wordCount: number;
  /** Octets of the name on the wire, its root label included. */
  nameLength: number;
  hash: number;
  /** Of the first label, see `Stamps`. */
  tag: number;
  /** The most octets that the client takes over UDP. */
  limit: number;
  /**
   * False for whatever is not a plain query (QUERY, one question, at most an OPT record of version 0, nothing after
   * it): then nothing else here means anything, and the pipeline has to see to it.
   */
  read(octets: Uint8Array, start: number, length: number): boolean;
}

/** `seed` makes the hash of a name one that clients can't foresee. */
export function questionKey(seed: number): QuestionKey {
  const octets = new Uint8Array(new ArrayBuffer(KEY_MAX + 4));
  const words = new Uint32Array(octets.buffer, 0, octets.length >> 2);

  function read(from: Uint8Array, start: number, length: number): boolean {
    const end = start + length;
    // The shortest: the root's name, a type and a class.
    if (length < HEADER_LENGTH + 5) return false;
    const high = from[start + 2]!;
    const low = from[start + 3]!;
    // QR and opcode, then exactly one question and nothing in the next two sections.
    if ((high & 0xf8) !== 0 || from[start + 4] !== 0 || from[start + 5] !== 1) return false;
    if ((from[start + 6]! | from[start + 7]! | from[start + 8]! | from[start + 9]! | from[start + 10]!) !== 0)
      return false;
    const additional = from[start + 11]!;
    if (additional > 1) return false;

    let at = start + HEADER_LENGTH;
    let put = 0;
    let hash = seed;
    let tag = -1;
    for (;;) {
      if (at >= end) return false;
      const label = from[at]!;
      // Also every compression pointer, which a question has no use for.
      if (label > 63 || put + label + 1 > MAX_NAME || at + label >= end) return false;
      octets[put++] = label;
      hash = Math.imul(hash ^ label, FNV_PRIME);
      at++;
      if (label === 0) break;
      for (const stop = at + label; at < stop; at++) {
        let octet = from[at]!;
        if (octet >= 0x41 && octet <= 0x5a) octet |= 0x20;
        octets[put++] = octet;
        hash = Math.imul(hash ^ octet, FNV_PRIME);
      }
      if (tag === -1) tag = finish(hash) & TAG_MASK;
    }
    const nameLength = put;
    if (at + 4 > end) return false;
    for (let i = 0; i < 4; i++) {
      octets[put++] = from[at]!;
      hash = Math.imul(hash ^ from[at++]!, FNV_PRIME);
    }

    let flags =
      ((high & 1) === 0 ? 0 : RECURSION_DESIRED) |
      ((low & 0x10) === 0 ? 0 : CHECKING_DISABLED) |
      ((low & 0x20) === 0 ? 0 : AUTHENTIC_DATA);
    let limit = LIMIT_MIN;
    if (additional === 1) {
      if (!isOpt(from, at, end)) return false;
      flags |= EDNS | ((from[at + 7]! & 0x80) === 0 ? 0 : DNSSEC_OK);
      limit = Math.min(LIMIT_MAX, Math.max(LIMIT_MIN, (from[at + 3]! << 8) | from[at + 4]!));
    } else if (at !== end) return false;

    octets[put++] = flags;
    while ((put & 3) !== 0) octets[put++] = 0;
    key.wordCount = put >> 2;
    key.nameLength = nameLength;
    key.hash = finish(Math.imul(hash ^ flags, FNV_PRIME));
    key.tag = tag & TAG_MASK;
    key.limit = limit;
    return true;
  }

  const key: QuestionKey = {
    octets,
    words,
    wordCount: 0,
    nameLength: 0,
    hash: 0,
    tag: 0,
    limit: 0,
    read,
  };
  return key;
}

/** The type that was asked for, after `read`. */
export function typeOf({ octets, nameLength }: QuestionKey): number {
  return (octets[nameLength]! << 8) | octets[nameLength + 1]!;
}

/** An OPT record of version 0 that ends the message, its options whole (RFC 6891 §6.1.2). */
function isOpt(from: Uint8Array, at: number, end: number): boolean {
  if (at + OPT_FIXED > end || from[at] !== 0 || from[at + 1] !== 0 || from[at + 2] !== OPT) return false;
  if (from[at + 6] !== 0) return false;
  let option = at + OPT_FIXED;
  if (option + ((from[at + 9]! << 8) | from[at + 10]!) !== end) return false;
  while (option < end) {
    if (option + 4 > end) return false;
    option += 4 + ((from[option + 2]! << 8) | from[option + 3]!);
  }
  return option === end;
}

/** Tags are so many that two names seldom have the same. */
export const TAGS = 0x10000;
const TAG_MASK = TAGS - 1;

/** The tag of all names that begin with this label, as `read` finds it. */
export function tagOfLabel(label: Uint8Array, seed: number): number {
  let hash = Math.imul(seed ^ label.length, FNV_PRIME);
  for (const octet of label) {
    const folded = octet >= 0x41 && octet <= 0x5a ? octet | 0x20 : octet;
    hash = Math.imul(hash ^ folded, FNV_PRIME);
  }
  return finish(hash) & TAG_MASK;
}

/** FNV-1a, by G. Fowler, L. C. Noll and K.-P. Vo. */
export const FNV_PRIME = 0x01000193;

/** Spreads what differs over all bits (the last steps of MurmurHash3, by A. Appleby). */
export function finish(hash: number): number {
  let mixed = hash;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return (mixed ^ (mixed >>> 16)) >>> 0;
}
