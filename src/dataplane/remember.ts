import type { Answer } from "../resolver/resolver.ts";
import type { AnswerTable } from "./answer-table.ts";
import { COUNT_MAX, RESPONSE_MAX, Word } from "./entry.ts";
import type { QuestionKey } from "./question-key.ts";
import { responseLayout } from "./response-layout.ts";

/**
 * Puts a response into the table, from where the workers give it to everybody who has the same view and asks the same.
 * `key` has just read the query. False if it can't be kept.
 */
export function remember(options: {
  readonly table: AnswerTable;
  readonly key: QuestionKey;
  readonly view: number;
  readonly moment: number;
  readonly column: number;
  readonly octets: Uint8Array;
  readonly reuse: NonNullable<Answer["reuse"]>;
  readonly now: number;
}): boolean {
  const { table, key, view, moment, column, octets, reuse, now } = options;
  if (octets.length > RESPONSE_MAX) return false;
  const { ttls, rotation } = responseLayout(octets);
  if (ttls.length > COUNT_MAX || (rotation?.count ?? 0) > COUNT_MAX || (rotation?.octets ?? 0) > COUNT_MAX)
    return false;
  const padded = Math.ceil(octets.length / 4) * 4;
  const { milliseconds, agedMs } = reuse;
  const aging = agedMs === undefined ? [] : ttls;
  return table.put(
    {
      hash: key.hash,
      view,
      tag: key.tag,
      moment,
      key: key.words,
      keyWords: key.wordCount,
      bodyOctets: padded + 2 * aging.length,
      expires: now + milliseconds,
      stored: now - (agedMs ?? 0),
      write(words, entry, body) {
        words[entry + Word.SHAPE]! |= aging.length << 24;
        words[entry + Word.RESPONSE] = column | (octets.length << 16);
        words[entry + Word.ROTATION] =
          rotation === undefined ? 0 : rotation.offset | (rotation.count << 16) | (rotation.octets << 24);
        words[entry + Word.AGES] = Number(agedMs !== undefined);
        words[entry + Word.MARK] = reuse.mark ?? 0;
        const place = new Uint8Array(words.buffer, body * 4, padded + 2 * aging.length);
        place.set(octets);
        for (const [i, at] of aging.entries()) {
          place[padded + 2 * i] = at & 0xff;
          place[padded + 2 * i + 1] = at >> 8;
        }
      },
    },
    now,
  );
}
