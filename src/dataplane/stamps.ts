import { TAGS } from "./question-key.ts";

/**
 * Which answers hold no more. The control plane counts moments; each change is a moment of its own, and notes it for
 * the tags that it touched. An answer notes the moment at which working it out began, and holds while nothing it
 * could have been made of was touched after that.
 *
 * A tag stands for all names that begin with the same label: what the registry says of `web`, `web.shop` and
 * `web.shop.docker` hangs on the name `web` alone, whatever the network (registry/candidates.ts). Names that happen to
 * have the same tag share their fate, which costs an answer worked out anew, and never a wrong one.
 *
 * `u32[0]` is the moment, `u32[1]` when everything was touched, and from `u32[2]` on when each tag was. All of them are
 * read and written with `Atomics`: whoever is told that a change has been made is told so after these writes.
 */
export const STAMPS_OCTETS = 4 * (2 + TAGS);
const ALL = 1;
const FIRST_TAG = 2;

/** Where moments end. At a hundred changes a second they last for sixteen months. */
const LAST = 0xffff_fff0;

export interface Stamps {
  /** Of what is worked out from now on. */
  now(): number;
  touch(tags: Iterable<number>): void;
  touchAll(): void;
}

/** For the one thread that changes things. `renew` makes every answer that there is unreachable for good. */
export function stamps(memory: SharedArrayBuffer, renew: () => void): Stamps {
  const words = new Uint32Array(memory);

  function next(): number {
    if (words[0]! >= LAST) {
      // Old answers would outlive a count that begins anew.
      renew();
      words.fill(0);
    }
    const moment = words[0]! + 1;
    Atomics.store(words, 0, moment);
    return moment;
  }

  return {
    now: () => words[0]!,
    touch(tags) {
      const moment = next();
      for (const tag of tags) Atomics.store(words, FIRST_TAG + tag, moment);
    },
    touchAll: () => void Atomics.store(words, ALL, next()),
  };
}

/** Whether an answer of that moment still holds. */
export function holds(words: Uint32Array, moment: number, tag: number): boolean {
  return moment >= Atomics.load(words, FIRST_TAG + tag) && moment >= Atomics.load(words, ALL);
}
