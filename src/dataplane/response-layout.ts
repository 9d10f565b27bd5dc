import { RrType } from "../wire/iana.ts";
import { HEADER_LENGTH } from "../wire/limits.ts";

/** The first octet of a compression pointer is at least this (RFC 1035 §4.1.4). */
const POINTER = 0xc0;

/** Where in a response things are that differ from answer to answer. */
export interface ResponseLayout {
  /** Offsets of the TTLs of all records but OPT. */
  readonly ttls: readonly number[];
  /** The addresses at the end of the answer section, whose order is of no importance; undefined if fewer than two. */
  readonly rotation: { readonly offset: number; readonly count: number; readonly octets: number } | undefined;
}

interface RecordAt {
  readonly offset: number;
  readonly end: number;
  readonly type: number;
}

/** Reads a response that this program has composed, so that nothing in it can be wrong. */
export function responseLayout(octets: Uint8Array): ResponseLayout {
  const view = new DataView(octets.buffer, octets.byteOffset, octets.byteLength);
  const answers = view.getUint16(6);
  const count = answers + view.getUint16(8) + view.getUint16(10);
  const ttls: number[] = [];
  const records: RecordAt[] = [];
  let at = skipName(octets, HEADER_LENGTH) + 4;
  for (let i = 0; i < count; i++) {
    const fixed = skipName(octets, at);
    const type = view.getUint16(fixed);
    const end = fixed + 10 + view.getUint16(fixed + 8);
    if (type !== RrType.OPT) ttls.push(fixed + 4);
    records.push({ offset: at, end, type });
    at = end;
  }
  return { ttls, rotation: rotationOf(octets, records.slice(0, answers)) };
}

/**
 * The longest end of the section that consists of addresses of one family, each record as long as the others. Their
 * names are pointers only: to a name that is written out, others may point, and it has to stay where it is.
 */
function rotationOf(octets: Uint8Array, answers: readonly RecordAt[]): ResponseLayout["rotation"] {
  const last = answers.at(-1);
  if (last === undefined || (last.type !== RrType.A && last.type !== RrType.AAAA)) return undefined;
  const length = last.end - last.offset;
  let count = 0;
  for (const { offset, end, type } of answers.toReversed()) {
    if (type !== last.type || end - offset !== length || octets[offset]! < POINTER) break;
    count += 1;
  }
  return count < 2 ? undefined : { offset: last.end - count * length, count, octets: length };
}

/** Where what follows the name begins. */
function skipName(octets: Uint8Array, start: number): number {
  for (let at = start; ; ) {
    const label = octets[at]!;
    if (label >= POINTER) return at + 2;
    at += label + 1;
    if (label === 0) return at;
  }
}
