import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { arbitraryMessage, arbitraryName, arbitraryQuestion } from "../../test/fuzz/arbitrary-message.ts";
import { composeMessage } from "../wire/compose.ts";
import { RrClass, RrType } from "../wire/iana.ts";
import type { Message, ResourceRecord } from "../wire/message.ts";
import { parseMessage } from "../wire/parse.ts";
import { responseLayout } from "./response-layout.ts";

const a = (name: string, octet: number, ttl = 5): ResourceRecord => ({
  name,
  type: RrType.A,
  class: RrClass.IN,
  ttl,
  data: { kind: "A", address: `10.0.0.${octet}` },
});

const cname = (name: string, target: string): ResourceRecord => ({
  name,
  type: RrType.CNAME,
  class: RrClass.IN,
  ttl: 60,
  data: { kind: "CNAME", target },
});

function response(name: string, answers: ResourceRecord[], rest: Partial<Message> = {}): Message {
  const flags = {
    qr: true,
    opcode: 0,
    aa: true,
    tc: false,
    rd: true,
    ra: true,
    ad: false,
    cd: false,
    rcode: 0,
  };
  return {
    header: { id: 1, ...flags },
    questions: [{ name, type: RrType.A, class: RrClass.IN }],
    answers,
    authority: [],
    additional: [],
    ...rest,
  };
}

function parsed(octets: Uint8Array): Message {
  const result = parseMessage(octets);
  if (!result.ok) throw result.error;
  return result.message;
}

/** The response with its addresses so many places further. */
function rotated(octets: Uint8Array, by: number): Uint8Array {
  const { rotation } = responseLayout(octets);
  const copy = octets.slice();
  if (rotation === undefined) return copy;
  const { offset, count, octets: length } = rotation;
  for (let i = 0; i < count; i++) {
    const from = offset + ((i + by) % count) * length;
    copy.set(octets.subarray(from, from + length), offset + i * length);
  }
  return copy;
}

/** Names that share their ends with one another, each of few octets. */
const ends = fc.constantFrom("w.a.", "xxxx.a.", "a.", "b.a.", "A.", "cc.b.a.", ".", "dd.w.a.");
const addresses = fc.array(
  fc.tuple(ends, fc.nat(255)).map(([name, octet]) => a(name, octet)),
  { maxLength: 6 },
);
const responses = fc.oneof(
  fc
    .tuple(arbitraryMessage(4), arbitraryQuestion)
    .map(([message, question]): Message => ({ ...message, questions: [question] })),
  fc
    .tuple(ends, addresses, addresses, addresses)
    .map(([name, answers, authority, additional]) => response(name, answers, { authority, additional })),
  fc
    .tuple(ends, ends, fc.array(fc.nat(255), { maxLength: 6 }))
    .map(([name, target, last]) =>
      response(name, [cname(name, target), ...last.map((octet) => a(target, octet))]),
    ),
  fc.tuple(arbitraryName, fc.array(fc.nat(255), { maxLength: 9 })).map(([name, last]) =>
    response(
      name,
      last.map((octet) => a(name, octet)),
    ),
  ),
);

describe("responseLayout", () => {
  test("finds the TTLs that the codec wrote, of all records but OPT", () => {
    fc.assert(
      fc.property(responses, (message) => {
        const octets = composeMessage(message);
        const view = new DataView(octets.buffer, octets.byteOffset);
        const { answers, authority, additional } = message;
        expect(responseLayout(octets).ttls.map((at) => view.getUint32(at))).toEqual(
          [...answers, ...authority, ...additional].map(({ ttl }) => ttl),
        );
      }),
      { numRuns: 1000 },
    );
  });

  test("whichever address comes first, the response says the same", () => {
    fc.assert(
      fc.property(responses, fc.nat(9), (message, by) => {
        const octets = composeMessage(message);
        const whole = parsed(octets);
        const turned = parsed(rotated(octets, by));
        const texts = (records: readonly ResourceRecord[]) => records.map((rr) => JSON.stringify(rr)).sort();
        expect(texts(turned.answers)).toEqual(texts(whole.answers));
        expect({ ...turned, answers: [] }).toEqual({ ...whole, answers: [] });
      }),
      { numRuns: 2000 },
    );
  });

  test("the name in one address record may be the end of that in another: these stay where they are", () => {
    const octets = composeMessage(response("a.", [a("w.b.a.", 1), a("xxxx.b.a.", 2)]));
    const [first, second] = parsed(octets).answers;
    expect([first?.name, second?.name]).toEqual(["w.b.a.", "xxxx.b.a."]);
    expect(responseLayout(octets).rotation).toBeUndefined();
  });

  test.each([
    ["no answer", response("a.", []), undefined],
    ["one address", response("a.", [a("a.", 1)]), undefined],
    [
      "three addresses",
      response(
        "a.",
        [1, 2, 3].map((n) => a("a.", n)),
      ),
      3,
    ],
    ["addresses behind an alias", response("a.", [cname("a.", "b."), a("b.", 1), a("b.", 2)]), 2],
    ["an alias behind addresses", response("a.", [a("a.", 1), a("a.", 2), cname("a.", "b.")]), undefined],
    [
      "addresses of the authority section",
      response("a.", [], { authority: [a("a.", 1), a("a.", 2)] }),
      undefined,
    ],
  ])("%s", (_, message, count) => {
    expect(responseLayout(composeMessage(message)).rotation?.count).toBe(count);
  });
});
