import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { arbitraryName } from "../../test/fuzz/arbitrary-message.ts";
import { mutant, seededRandom } from "../../test/fuzz/mutate.ts";
import { accept } from "../server/accept.ts";
import { composeMessage } from "../wire/compose.ts";
import { RrType } from "../wire/iana.ts";
import { HEADER_LENGTH } from "../wire/limits.ts";
import type { Edns, Message } from "../wire/message.ts";
import { parseMessage } from "../wire/parse.ts";
import { questionKey, TAGS, tagOfLabel } from "./question-key.ts";

const SEED = 0x1234_5678;

/** 63 + 63 + 63 + 61 octets, and five of length and root: 255 in all. */
const LONGEST = `${["a", "B", "c"].map((letter) => letter.repeat(63)).join(".")}.${"d".repeat(61)}.`;

const names = fc.oneof(
  arbitraryName,
  fc.constantFrom(".", "web.", "WEB.", "web.shop.", "Web.Shop.", "\\000.", "\\255A.b\\.c.", LONGEST),
);

const edns: fc.Arbitrary<Edns> = fc.record({
  udpPayloadSize: fc.oneof(fc.nat(0xffff), fc.constantFrom(0, 511, 512, 513, 4096, 4097)),
  version: fc.constantFrom(0, 0, 0, 0, 1, 255),
  do: fc.boolean(),
  options: fc.array(fc.record({ code: fc.nat(0xffff), data: fc.uint8Array({ maxLength: 12 }) }), {
    maxLength: 3,
  }),
});

const queries: fc.Arbitrary<Message> = fc
  .record({
    header: fc.record({
      id: fc.nat(0xffff),
      qr: fc.constantFrom(false, false, false, false, false, true),
      opcode: fc.constantFrom(0, 0, 0, 0, 0, 0, 4, 15),
      aa: fc.boolean(),
      tc: fc.boolean(),
      rd: fc.boolean(),
      ra: fc.boolean(),
      ad: fc.boolean(),
      cd: fc.boolean(),
      rcode: fc.nat(15),
    }),
    question: fc.record({
      name: names,
      type: fc.oneof(fc.constantFrom(1, 28, 41), fc.nat(0xffff)),
      class: fc.oneof(fc.constant(1), fc.nat(0xffff)),
    }),
    edns: fc.option(edns, { nil: undefined }),
  })
  .map(({ header, question, edns: opt }) => ({
    header,
    questions: [question],
    answers: [],
    authority: [],
    additional: [],
    ...(opt && { edns: opt }),
  }));

/** A message as it arrives, among octets that are none of its own. */
interface Placed {
  readonly buffer: Uint8Array;
  readonly start: number;
}

function among(octets: Uint8Array, garbage: Uint8Array): Placed {
  const buffer = new Uint8Array(octets.length + 2 * garbage.length);
  buffer.set(garbage);
  buffer.set(octets, garbage.length);
  buffer.set(garbage, garbage.length + octets.length);
  return { buffer, start: garbage.length };
}

/** What the key was made of; undefined if it was refused. */
function read(octets: Uint8Array, garbage = new Uint8Array()) {
  const key = questionKey(SEED);
  const { buffer, start } = among(octets, garbage);
  if (!key.read(buffer, start, octets.length)) return undefined;
  const { hash, tag, limit, nameLength } = key;
  return { words: [...key.words.subarray(0, key.wordCount)], hash, tag, limit, nameLength };
}

/** The message, if it asks one plain question and has no more than an OPT record of version 0. */
function plain(octets: Uint8Array): Message | undefined {
  if (accept(octets) !== "accept") return undefined;
  const parsed = parseMessage(octets);
  if (!parsed.ok) return undefined;
  const { questions, answers, authority, additional, edns: opt } = parsed.message;
  const others = answers.length + authority.length + additional.length;
  return questions.length === 1 && others === 0 && (opt?.version ?? 0) === 0 ? parsed.message : undefined;
}

/** All that an answer may depend on. */
function sense({ header, questions, edns: opt }: Message): string {
  const [question] = questions;
  const { rd, cd, ad } = header;
  const hasEdns = opt !== undefined;
  // Only ASCII letters are folded, and a name in presentation format has no others.
  return JSON.stringify({
    ...question,
    name: question!.name.toLowerCase(),
    rd,
    cd,
    ad,
    hasEdns,
    do: opt?.do ?? false,
  });
}

const garbage = fc.uint8Array({ minLength: 1, maxLength: 40 });

describe("questionKey", () => {
  test("reads every plain query, and knows of it what the codec knows", () => {
    fc.assert(
      fc.property(queries, garbage, (message, around) => {
        const octets = composeMessage(message);
        const found = read(octets, around);
        expect(found === undefined).toBe(plain(octets) === undefined);
        if (found === undefined) return;
        const size = message.edns?.udpPayloadSize ?? 512;
        expect(found.limit).toBe(Math.min(4096, Math.max(512, size)));
        const first = octets.subarray(HEADER_LENGTH + 1, HEADER_LENGTH + 1 + octets[HEADER_LENGTH]!);
        if (first.length > 0) expect(found.tag).toBe(tagOfLabel(first, SEED));
        expect(found.tag).toBeLessThan(TAGS);
        const end = HEADER_LENGTH + found.nameLength;
        expect((octets[end]! << 8) | octets[end + 1]!).toBe(message.questions[0]!.type);
      }),
      { numRuns: 2000 },
    );
  });

  test("reads nothing of a broken message that the codec would not, and no octet outside", () => {
    fc.assert(
      fc.property(
        fc.array(queries, { minLength: 1, maxLength: 3 }),
        fc.nat(),
        garbage,
        (corpus, seed, around) => {
          const octets = mutant(corpus.map(composeMessage), seededRandom(seed));
          const found = read(octets, around);
          if (found !== undefined) expect(plain(octets)).toBeDefined();
          for (const other of [new Uint8Array(), around.map((octet) => ~octet), new Uint8Array(300)])
            expect(read(octets, other)).toEqual(found);
        },
      ),
      { numRuns: 5000 },
    );
  });

  test("every beginning of a query is refused", () => {
    fc.assert(
      fc.property(queries, (message) => {
        const octets = composeMessage(message);
        // What follows would complete it.
        const key = questionKey(SEED);
        for (let length = 0; length < octets.length; length++)
          expect(key.read(octets, 0, length)).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  test("two queries have the same key exactly if they ask the same", () => {
    const few: fc.Arbitrary<Message> = fc
      .record({
        name: fc.constantFrom(
          "web.",
          "WEB.",
          "wEb.",
          "web.s.",
          "we.bs.",
          ".",
          "\\000.",
          "\\001.",
          "[.",
          "{.",
        ),
        type: fc.constantFrom(1, 28, 257),
        class: fc.constantFrom(1, 256, 3),
        rd: fc.boolean(),
        cd: fc.boolean(),
        ad: fc.boolean(),
        do: fc.constantFrom(undefined, false, true),
        id: fc.nat(0xffff),
        tc: fc.boolean(),
        size: fc.constantFrom(0, 4096),
      })
      .map(({ name, type, class: rrclass, do: isDo, size, ...flags }) => ({
        header: { qr: false, opcode: 0, aa: false, ra: false, rcode: 0, ...flags },
        questions: [{ name, type, class: rrclass }],
        answers: [],
        authority: [],
        additional: [],
        ...(isDo !== undefined && { edns: { udpPayloadSize: size, version: 0, do: isDo, options: [] } }),
      }));
    const pairs = fc.oneof(
      fc.tuple(few, few),
      // All the same but for one thing.
      few.chain((one) =>
        few.map((other): [Message, Message] => [
          one,
          { ...one, header: other.header, questions: other.questions },
        ]),
      ),
      few.chain((one) =>
        few.map((other): [Message, Message] => [one, { ...one, questions: other.questions }]),
      ),
      few.chain((one) =>
        few.map((other): [Message, Message] => [
          one,
          { ...one, questions: [{ ...one.questions[0]!, name: other.questions[0]!.name }] },
        ]),
      ),
    );
    fc.assert(
      fc.property(pairs, ([one, other]) => {
        const [found, otherFound] = [read(composeMessage(one))!, read(composeMessage(other))!];
        const isSame = sense(one) === sense(other);
        expect(JSON.stringify(found.words) === JSON.stringify(otherFound.words)).toBe(isSame);
        if (isSame) expect(otherFound.hash).toBe(found.hash);
      }),
      { numRuns: 5000 },
    );
  });

  test("a key says nothing of the query that was read before", () => {
    fc.assert(
      fc.property(queries, queries, (one, other) => {
        const key = questionKey(SEED);
        const [first, second] = [composeMessage(one), composeMessage(other)];
        key.read(first, 0, first.length);
        const isRead = key.read(second, 0, second.length);
        expect(isRead ? [...key.words.subarray(0, key.wordCount)] : undefined).toEqual(read(second)?.words);
      }),
    );
  });

  test("another seed gives other hashes and tags", () => {
    const octets = composeMessage({
      header: {
        id: 1,
        qr: false,
        opcode: 0,
        aa: false,
        tc: false,
        rd: true,
        ra: false,
        ad: false,
        cd: false,
        rcode: 0,
      },
      questions: [{ name: "web.", type: RrType.A, class: 1 }],
      answers: [],
      authority: [],
      additional: [],
    });
    const found = Array.from({ length: 100 }, (_, seed) => {
      const key = questionKey(seed);
      key.read(octets, 0, octets.length);
      return key;
    });
    expect(new Set(found.map(({ hash }) => hash)).size).toBe(100);
    expect(new Set(found.map(({ tag }) => tag)).size).toBeGreaterThan(90);
  });
});
