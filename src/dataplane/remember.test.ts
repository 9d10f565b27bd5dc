import { expect, test } from "vitest";
import { composeMessage } from "../wire/compose.ts";
import { RrClass, RrType } from "../wire/iana.ts";
import type { Message, ResourceRecord } from "../wire/message.ts";
import { answerReader } from "./answer-reader.ts";
import { answerTable, tableMemory } from "./answer-table.ts";
import { HEADER_WORDS, RESPONSE_MAX, Time, Word } from "./entry.ts";
import { questionKey } from "./question-key.ts";
import { quiescence } from "./quiescence.ts";
import { remember } from "./remember.ts";
import { responseLayout } from "./response-layout.ts";
import { STAMPS_OCTETS } from "./stamps.ts";

const flags = { opcode: 0, aa: true, tc: false, rd: true, ra: true, ad: false, cd: false, rcode: 0 };
const questions = [{ name: "web.", type: RrType.A, class: RrClass.IN }];
const none = { answers: [], authority: [], additional: [] };
const query = composeMessage({
  header: { id: 1, qr: false, ...flags, aa: false, ra: false },
  questions,
  ...none,
});

function response(answers: readonly ResourceRecord[], rest: Partial<Message> = {}): Uint8Array {
  return composeMessage({ header: { id: 1, qr: true, ...flags }, questions, ...none, answers, ...rest });
}

const a = (i: number): ResourceRecord => ({
  name: "web.",
  type: RrType.A,
  class: RrClass.IN,
  ttl: 1000 + i,
  data: { kind: "A", address: `10.0.${i >> 8}.${i & 255}` },
});
const text = (length: number): ResourceRecord => ({
  name: "web.",
  type: 65_280,
  class: RrClass.IN,
  ttl: 7,
  data: { kind: "unknown", octets: new Uint8Array(length).fill(1) },
});

/** Keeps a response, and looks at what the workers find. */
function kept(
  octets: Uint8Array,
  reuse: { milliseconds: number; agedMs: number | undefined; mark?: number },
) {
  const memory = tableMemory(2 ** 20, new SharedArrayBuffer(STAMPS_OCTETS));
  const table = answerTable(memory, quiescence([]));
  const reader = answerReader(memory);
  const key = questionKey(3);
  key.read(query, 0, query.length);
  const isKept = remember({ table, key, view: 5, moment: 0, column: 9, octets, reuse, now: 100 });
  const find = (now: number) => reader.find(key.hash, 5, key.words, key.wordCount, now);
  const entry = find(100);
  if (!isKept || entry === 0) return { isKept, isFound: entry !== 0 };
  const body = 4 * (entry + HEADER_WORDS + key.wordCount);
  const list = body + Math.ceil(octets.length / 4) * 4;
  const ttls = Array.from(
    { length: reader.words[entry + Word.SHAPE]! >>> 24 },
    (_, i) => reader.octets[list + 2 * i]! | (reader.octets[list + 2 * i + 1]! << 8),
  );
  return {
    isKept,
    isFound: true,
    ttls,
    octets: reader.octets.slice(body, body + octets.length),
    packed: reader.words[entry + Word.RESPONSE]!,
    tag: reader.words[entry + Word.SHAPE]! & 0xffff,
    key,
    rotation: reader.words[entry + Word.ROTATION]!,
    ages: reader.words[entry + Word.AGES]!,
    mark: reader.words[entry + Word.MARK]!,
    stored: reader.doubles[(entry >> 1) + Time.STORED]!,
    find,
  };
}

const UNTIL_CHANGED = { milliseconds: Number.POSITIVE_INFINITY, agedMs: undefined };

test.each([0, 1, 2, 3])(
  "keeps the response whole, and where its TTLs are if they count down (%i octets more)",
  (more) => {
    const octets = response([text(more), a(1), a(2)], {
      authority: [text(600)],
      additional: [text(1)],
      edns: { udpPayloadSize: 1232, version: 0, do: false, options: [] },
    });
    const entry = kept(octets, { milliseconds: 5000, agedMs: 900, mark: 77 });
    const { ttls, rotation } = responseLayout(octets);
    expect(entry).toMatchObject({
      isKept: true,
      ttls,
      ages: 1,
      mark: 77,
      stored: 100 - 900,
      packed: 9 | (octets.length << 16),
    });
    expect([entry.octets, entry.tag]).toEqual([octets, entry.key!.tag]);
    expect(entry.rotation).toBe(rotation!.offset | (2 << 16) | (16 << 24));
    expect(ttls.some((at) => at > 255)).toBe(true);
    expect([entry.find!(5099) > 0, entry.find!(5100)]).toEqual([true, 0]);
  },
);

test("TTLs that stay as they are take no room", () => {
  expect(kept(response([a(1)]), UNTIL_CHANGED)).toMatchObject({
    isKept: true,
    ttls: [],
    ages: 0,
    mark: 0,
    rotation: 0,
  });
});

test.each([
  [255, true],
  [256, false],
])("%i records: kept only if an octet can count them", (count, isKept) => {
  const octets = response(Array.from({ length: count }, () => text(0)));
  expect(octets.length).toBeLessThan(RESPONSE_MAX);
  const entry = kept(octets, { milliseconds: 1000, agedMs: 0 });
  expect([entry.isKept, entry.ttls?.length]).toEqual([isKept, isKept ? count : undefined]);
});

test("a response of more octets than go over UDP is not kept", () => {
  const room = RESPONSE_MAX - response([text(0)]).length;
  expect(kept(response([text(room)]), UNTIL_CHANGED).isKept).toBe(true);
  expect(kept(response([text(room + 1)]), UNTIL_CHANGED)).toEqual({ isKept: false, isFound: false });
});
