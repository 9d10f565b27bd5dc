import { bucketOf, type TableMemory, UNIT, WAYS } from "./answer-table.ts";
import { HEADER_WORDS, Time, Word } from "./entry.ts";
import { holds } from "./stamps.ts";

/** What the workers read; why that is safe is told at `AnswerTable`. */
export interface AnswerReader {
  readonly words: Uint32Array;
  readonly octets: Uint8Array;
  readonly doubles: Float64Array;
  /** The entry that holds for this key, in words from the beginning of the arena; 0 if there is none. */
  find(hash: number, view: number, key: Uint32Array, keyWords: number, now: number): number;
}

export function answerReader(memory: TableMemory): AnswerReader {
  const index = new Uint32Array(memory.index);
  const words = new Uint32Array(memory.arena);
  const octets = new Uint8Array(memory.arena);
  const doubles = new Float64Array(memory.arena);
  const stamps = new Uint32Array(memory.stamps);
  const mask = index.length / WAYS - 1;

  function find(hash: number, view: number, key: Uint32Array, keyWords: number, now: number): number {
    const bucket = bucketOf(hash, view, mask);
    search: for (let slot = bucket; slot < bucket + WAYS; slot++) {
      const leads = Atomics.load(index, slot);
      if (leads === 0 || leads >>> 24 !== hash >>> 24) continue;
      const entry = ((leads & 0xff_ffff) * UNIT) >>> 2;
      if (words[entry + Word.HASH] !== hash || words[entry + Word.VIEW] !== view) continue;
      const shape = words[entry + Word.SHAPE]!;
      if (((shape >>> 16) & 0xff) !== keyWords) continue;
      for (let i = 0; i < keyWords; i++) if (words[entry + HEADER_WORDS + i] !== key[i]) continue search;
      if (doubles[(entry >>> 1) + Time.EXPIRES]! <= now) return 0;
      return holds(stamps, words[entry + Word.MOMENT]!, shape & 0xffff) ? entry : 0;
    }
    return 0;
  }

  return { words, octets, doubles, find };
}
