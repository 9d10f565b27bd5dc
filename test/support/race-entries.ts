import type { TableMemory } from "../../src/dataplane/answer-table.ts";
import { finish, TAGS } from "../../src/dataplane/question-key.ts";

/** What writer and readers of the race have in common. */
export interface Race {
  readonly table: TableMemory;
  /** The epoch of each reader, and whether it is to stop. */
  readonly controls: readonly SharedArrayBuffer[];
  /** For each key the least serial number that may still be found by who looks from now on. */
  readonly least: SharedArrayBuffer;
}

/** What a reader has seen; `faults` are texts, the first few. */
export interface Seen {
  readonly searches: number;
  readonly found: number;
  readonly faults: readonly string[];
}

export const KEYS = 512;
export const Control = { EPOCH: 0, STOP: 1, WORDS: 2 } as const;

/** Four keys each have the same hash, two of them with the same view. */
export function raceKey(number: number) {
  return {
    hash: finish(number >> 2),
    view: number & 1,
    tag: finish(number) % TAGS,
    words: Uint32Array.of(number, ~number),
  };
}

/** Of 3 to 61 words. */
export function bodyWords(number: number, serial: number): number {
  return 3 + (finish(number ^ serial) % 59);
}

/** Each word of a body follows from the key, the serial number and its place; the first is the serial number. */
export function bodyWord(number: number, serial: number, place: number): number {
  return place === 0 ? serial : finish(Math.imul(serial, 0x9e3779b1) ^ (number << 8) ^ place);
}
