/** A source of numbers that a seed determines (mulberry32). */
export type Random = (below: number) => number;

export function seededRandom(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** A copy of one of the messages with one to four changes of the kinds that break parsers. */
export function mutant(corpus: readonly Uint8Array[], random: Random): Uint8Array {
  let octets: Uint8Array = corpus[random(corpus.length)]!.slice();
  for (let changes = 1 + random(4); changes > 0; changes--) {
    octets = mutations[random(mutations.length)]!(octets, random, corpus);
  }
  return octets;
}

type Mutation = (octets: Uint8Array, random: Random, corpus: readonly Uint8Array[]) => Uint8Array;

const mutations: readonly Mutation[] = [
  function flipBit(octets, random) {
    return put(octets, random(octets.length + 1), (old) => old ^ (1 << random(8)));
  },
  function setOctet(octets, random) {
    return put(octets, random(octets.length + 1), () => random(256));
  },
  function editLength(octets, random) {
    return put(octets, random(octets.length + 1), (old) => old + random(7) - 3);
  },
  function editCount(octets, random) {
    return put(octets, 4 + random(8), (old) => old + random(3) - 1);
  },
  function setToBound(octets, random) {
    return put(
      octets,
      random(octets.length + 1),
      () => [0, 0x3f, 0x40, 0x7f, 0x80, 0xbf, 0xc0, 0xff][random(8)]!,
    );
  },
  function insertPointer(octets, random) {
    const at = random(octets.length + 1);
    const target = random(octets.length + 4);
    return joined(
      octets.subarray(0, at),
      [0xc0 | (target >> 8), target & 0xff],
      octets.subarray(at + 2 * random(2)),
    );
  },
  function truncate(octets, random) {
    return octets.slice(0, random(octets.length + 1));
  },
  function insert(octets, random) {
    const at = random(octets.length + 1);
    return joined(
      octets.subarray(0, at),
      new Uint8Array(1 + random(8)).fill(random(256)),
      octets.subarray(at),
    );
  },
  function remove(octets, random) {
    const at = random(octets.length + 1);
    return joined(octets.subarray(0, at), octets.subarray(at + 1 + random(8)));
  },
  function repeat(octets, random) {
    const at = random(octets.length + 1);
    return joined(octets.subarray(0, at), octets.subarray(Math.max(0, at - random(40))));
  },
  function splice(octets, random, corpus) {
    const other = corpus[random(corpus.length)]!;
    return joined(octets.subarray(0, random(octets.length + 1)), other.subarray(random(other.length + 1)));
  },
];

function put(octets: Uint8Array, at: number, change: (old: number) => number): Uint8Array {
  if (at < octets.length) octets[at] = change(octets[at]!);
  return octets;
}

function joined(...parts: readonly ArrayLike<number>[]): Uint8Array {
  const octets = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    octets.set(part, at);
    at += part.length;
  }
  return octets;
}
