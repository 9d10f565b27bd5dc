import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { answerReader } from "./answer-reader.ts";
import { answerTable, type Candidate, tableMemory, WAYS } from "./answer-table.ts";
import { HEADER_WORDS, Word } from "./entry.ts";
import { finish } from "./question-key.ts";
import { quiescence } from "./quiescence.ts";
import { STAMPS_OCTETS, stamps } from "./stamps.ts";

const FOREVER = Number.POSITIVE_INFINITY;
/** Sixteen segments, each with room for a few entries. */
const SMALL = 16 * 512;

function fixture(octets = SMALL, workers = 1) {
  const memory = tableMemory(octets, new SharedArrayBuffer(STAMPS_OCTETS));
  const controls = Array.from({ length: workers }, () => new Int32Array(new SharedArrayBuffer(4)));
  const table = answerTable(memory, quiescence(controls));
  const moments = stamps(memory.stamps, () => table.clear());
  const reader = answerReader(memory);
  const index = new Uint32Array(memory.index);
  const step = (worker: number) => void Atomics.add(controls[worker]!, 0, 1);
  const isWorking = (worker: number) => (controls[worker]![0]! & 1) === 1;
  /** What is found, and the words of the entry. */
  function find(key: Key, now = 0): { value: number; entry: number; words: number[] } | undefined {
    const entry = reader.find(key.hash, key.view, key.words, key.words.length, now);
    if (entry === 0) return undefined;
    const size = reader.words[entry + Word.SIZE]! / 4;
    const words = [...reader.words.subarray(entry, entry + size)];
    return { value: words[HEADER_WORDS + key.words.length]!, entry, words };
  }
  function valueAt({ hash, view, words }: Key, now: number): number | undefined {
    const entry = reader.find(hash, view, words, words.length, now);
    return entry === 0 ? undefined : reader.words[entry + HEADER_WORDS + words.length]!;
  }
  return { memory, table, moments, reader, index, step, isWorking, find, valueAt };
}

interface Key {
  readonly hash: number;
  readonly view: number;
  readonly tag: number;
  readonly words: Uint32Array;
}

interface Rest {
  readonly moment?: number;
  readonly expires?: number;
  readonly octets?: number;
}

/** An entry whose body begins with the value, and goes on with what follows from it. */
function candidate(
  key: Key,
  value: number,
  { moment = 0, expires = FOREVER, octets = 8 }: Rest = {},
): Candidate {
  return {
    ...key,
    key: key.words,
    keyWords: key.words.length,
    moment,
    bodyOctets: octets,
    expires,
    stored: 0,
    write(words, _, body) {
      words[body] = value;
      for (let i = 1; i < octets >> 2; i++) words[body + i] = Math.imul(value, i + 1);
    },
  };
}

/** Keys of few buckets: most have the hash of another one, or its words. */
function keyOf(number: number): Key {
  return {
    hash: finish(number & 3),
    view: (number >> 2) & 1,
    tag: number % 5,
    words: Uint32Array.of(number, ...Array.from({ length: number % 3 }, () => number >> 1)),
  };
}

const KEYS = 64;
const step = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      do: fc.constant("put" as const),
      key: fc.nat(KEYS - 1),
      octets: fc.integer({ min: 4, max: 200 }),
      lasts: fc.constantFrom(1, 5, FOREVER),
      // Working it out began that many changes ago.
      ago: fc.constantFrom(0, 0, 0, 1, 3),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ do: fc.constant("touch" as const), tags: fc.array(fc.nat(4), { maxLength: 2 }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constantFrom("touchAll" as const, "clear" as const, "expire" as const) }),
  },
  { weight: 6, arbitrary: fc.record({ do: fc.constant("step" as const), worker: fc.nat(1) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("look" as const), key: fc.nat(KEYS - 1) }) },
);

describe("the answer table", () => {
  test("finds what was put last and holds, or nothing; and what a worker looks at stays as it is", () => {
    let found = 0;
    let refused = 0;
    fc.assert(
      fc.property(fc.array(step, { minLength: 50, maxLength: 300, size: "max" }), (steps) => {
        const { table, moments, reader, index, step: toggle, isWorking, find, valueAt } = fixture(SMALL, 2);
        const model = new Map<number, { value: number; moment: number; expires: number }>();
        const touched = new Map<number, number>();
        let allTouched = 0;
        let now = 0;
        let value = 0;
        /** What each worker has found since it began to work. */
        const looked: { entry: number; words: number[] }[][] = [[], []];
        const holds = (key: number): boolean => {
          const known = model.get(key);
          if (known === undefined || known.expires <= now || known.moment < allTouched) return false;
          return known.moment >= (touched.get(keyOf(key).tag) ?? 0);
        };
        for (const one of steps) {
          switch (one.do) {
            case "put": {
              value += 1;
              const moment = Math.max(0, moments.now() - one.ago);
              const expires = now + one.lasts;
              if (table.put(candidate(keyOf(one.key), value, { moment, expires, octets: one.octets }), now)) {
                model.set(one.key, { value, moment, expires });
                expect(find(keyOf(one.key), now)?.value).toBe(holds(one.key) ? value : undefined);
              } else {
                // Only because somebody may still be reading where it would go.
                expect(isWorking(0) || isWorking(1)).toBe(true);
                refused += 1;
              }
              break;
            }
            case "touch":
              moments.touch(one.tags);
              for (const tag of one.tags) touched.set(tag, moments.now());
              break;
            case "touchAll":
              moments.touchAll();
              allTouched = moments.now();
              break;
            case "clear":
              table.clear();
              model.clear();
              expect(table.size).toBe(0);
              break;
            case "expire":
              now += 2;
              break;
            case "step":
              toggle(one.worker);
              looked[one.worker] = [];
              break;
            case "look": {
              const seen = find(keyOf(one.key), now);
              if (seen === undefined) break;
              found += 1;
              for (const worker of [0, 1]) if (isWorking(worker)) looked[worker]!.push(seen);
            }
          }
          for (let key = 0; key < KEYS; key++) {
            const value = valueAt(keyOf(key), now);
            if (value !== undefined && !(holds(key) && value === model.get(key)?.value))
              expect.fail(`${key} is found with ${value}`);
          }
          if (table.size !== index.filter((slot) => slot !== 0).length) expect.fail(`${table.size} entries`);
          for (const { entry, words } of looked.flat())
            if (words.some((word, i) => reader.words[entry + i] !== word))
              expect.fail(`${entry} was written to`);
        }
      }),
      { numRuns: 100 },
    );
    expect([found > 0, refused > 0]).toEqual([true, true]);
  });

  /** Keys of buckets of their own, mostly. */
  const spread = (number: number): Key => ({
    hash: finish(number),
    view: 1,
    tag: 0,
    words: Uint32Array.of(number),
  });

  test("takes nothing where a worker that never waits may be reading, and goes on once it waits", () => {
    const { table, step: toggle, find, reader } = fixture();
    toggle(0);
    let number = 1;
    while (table.put(candidate(spread(number), number), 0)) number += 1;
    const kept = Array.from({ length: number - 1 }, (_, i) => find(spread(i + 1))).filter(
      (seen) => seen !== undefined,
    );
    expect(kept.length).toBeGreaterThan(0);
    for (let more = number; more < 3 * number; more++) {
      // One of another size might have found room.
      expect(table.put(candidate(spread(more), more), 0)).toBe(false);
    }
    for (const { entry, words } of kept)
      expect([...reader.words.subarray(entry, entry + words.length)]).toEqual(words);
    toggle(0);
    for (let more = number; more < 10 * number; more++) {
      expect(table.put(candidate(spread(more), more), 0)).toBe(true);
      expect(find(spread(more))?.value).toBe(more);
    }
  });

  test("clear while a worker works: what it looks at stays, and nothing is taken until it waits", () => {
    const { table, step: toggle, find, reader } = fixture();
    table.put(candidate(spread(1), 1), 0);
    toggle(0);
    const { entry, words } = find(spread(1))!;
    table.clear();
    expect([table.put(candidate(spread(2), 2), 0), find(spread(1)), find(spread(2))]).toEqual([
      false,
      undefined,
      undefined,
    ]);
    expect([...reader.words.subarray(entry, entry + words.length)]).toEqual(words);
    toggle(0);
    expect([table.put(candidate(spread(2), 2), 0), find(spread(2))?.value]).toEqual([true, 2]);
  });

  test("the oldest give way to new ones", () => {
    const { table, find } = fixture();
    let number = 0;
    for (let time = 0; time < 2000; time++) {
      number += 1;
      expect(table.put(candidate(spread(number), number), 0)).toBe(true);
    }
    const found = Array.from({ length: number }, (_, i) => find(spread(i + 1)) !== undefined);
    const first = found.indexOf(true);
    // Some are missing among the younger ones, whose buckets were full.
    expect([first > 0, number - first]).toEqual([
      true,
      expect.toSatisfy((kept: number) => kept * 64 <= SMALL),
    ]);
    expect(found.slice(-7).every(Boolean)).toBe(true);
  });

  test("of more keys than a bucket has slots, the ones put last are found", () => {
    const { table, find } = fixture(64 * 1024);
    const same = (number: number): Key => ({ ...spread(number), hash: 77 });
    for (let number = 1; number <= WAYS + 3; number++) table.put(candidate(same(number), number), 0);
    const found = Array.from({ length: WAYS + 3 }, (_, i) => find(same(i + 1))?.value);
    expect(found).toEqual([undefined, undefined, undefined, 4, 5, 6, 7, 8, 9, 10, 11]);
    expect(table.size).toBe(WAYS);
  });

  test.each([
    ["has expired", { expires: 10 }],
    ["was touched", { moment: 0 }],
  ])("what %s gives its slot away before any that holds", (why, rest) => {
    const { table, moments, find } = fixture(64 * 1024);
    const same = (number: number): Key => ({ ...spread(number), hash: 77, tag: number });
    for (let number = 1; number <= WAYS; number++)
      table.put(candidate(same(number), number, number === 5 ? rest : {}), 0);
    if (why === "was touched") moments.touch([5]);
    const now = 20;
    table.put(candidate(same(100), 100), now);
    const found = [1, 2, 3, 4, 5, 6, 7, 8, 100].map((number) => find(same(number), now)?.value);
    expect(found).toEqual([1, 2, 3, 4, undefined, 6, 7, 8, 100]);
  });

  test("an entry larger than a segment is not kept, and spoils nothing", () => {
    const { table, find } = fixture();
    table.put(candidate(spread(1), 1), 0);
    expect(table.put(candidate(spread(2), 2, { octets: 512 }), 0)).toBe(false);
    expect(find(spread(1))?.value).toBe(1);
    for (let number = 3; number < 10; number++)
      expect(table.put(candidate(spread(number), number, { octets: 432 }), 0)).toBe(true);
    expect(find(spread(9))?.value).toBe(9);
  });

  test.each([1, 255, 256, 257, 4096, 100_000, 2 ** 20])(
    "a table of %i octets finds what it has taken",
    (octets) => {
      const { table, find } = fixture(octets);
      for (let number = 1; number < 50; number++)
        expect(table.put(candidate(spread(number), number), 0) ? find(spread(number))?.value : number).toBe(
          number,
        );
    },
  );

  test("an answer that has expired is not found, and the next one takes its place", () => {
    const { table, find } = fixture();
    table.put(candidate(spread(1), 1, { expires: 10 }), 0);
    expect([find(spread(1), 9)?.value, find(spread(1), 10)]).toEqual([1, undefined]);
    table.put(candidate(spread(1), 2, { expires: 30 }), 12);
    expect([find(spread(1), 29)?.value, find(spread(1), 30), table.size]).toEqual([2, undefined, 1]);
  });
});
