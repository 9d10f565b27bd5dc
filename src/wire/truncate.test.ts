import fc from "fast-check";
import { expect, test } from "vitest";
import { arbitraryMessage } from "../../test/fuzz/arbitrary-message.ts";
import { composeMessage } from "./compose.ts";
import { EdnsOptionCode } from "./iana.ts";
import type { Message, ResourceRecord } from "./message.ts";
import { foldName } from "./name.ts";
import { parseMessage } from "./parse.ts";
import { composeWithin } from "./truncate.ts";

test("composeWithin leaves a message alone that fits", () => {
  fc.assert(
    fc.property(arbitraryMessage(4), (message) => {
      const whole = composeMessage(message);
      expect(composeWithin(message, Math.max(512, whole.length))).toEqual({
        octets: whole,
        truncated: false,
      });
    }),
  );
});

test("composeWithin keeps to the limit, to the order and to whole RRsets, and says when answers are lacking", () => {
  fc.assert(
    fc.property(arbitraryMessage(12), fc.integer({ min: 512, max: 2000 }), (message, limit) => {
      const { octets, truncated } = composeWithin(message, limit);
      expect(octets.length).toBeLessThanOrEqual(limit);
      const kept = parsed(octets);
      expect(kept.header).toEqual({ ...message.header, tc: message.header.tc || truncated });
      expect(kept.questions).toEqual(message.questions);
      expect(kept.answers).toEqual(message.answers.slice(0, kept.answers.length));
      expect(kept.authority).toEqual(message.authority.slice(0, kept.authority.length));
      expect(kept.additional).toEqual(message.additional.slice(0, kept.additional.length));
      expect(kept.edns && { ...kept.edns, options: [] }).toEqual(
        message.edns && { ...message.edns, options: [] },
      );
      const isLacking =
        kept.answers.length < message.answers.length || kept.authority.length < message.authority.length;
      // Options are given up for all records that are needed, or not at all.
      if (isLacking) expect(kept.edns).toEqual(message.edns);
      expect(truncated).toBe(isLacking);
      if (isLacking) expect(kept.additional).toEqual([]);
      for (const section of ["answers", "authority", "additional"] as const) {
        const lost = rrsets(message[section].slice(kept[section].length));
        expect(rrsets(kept[section]).filter((rrset) => lost.includes(rrset))).toEqual([]);
      }
    }),
    { numRuns: 300 },
  );
});

test("composeWithin drops additional records by RRset from the end, without TC", () => {
  const additional = [
    ...addresses("db.shop.", 20),
    ...addresses("WEB.shop.", 1),
    ...addresses("web.shop.", 30),
  ];
  const { octets, truncated } = composeWithin({ ...response, additional }, 512);
  expect(truncated).toBe(false);
  expect(parsed(octets)).toEqual({ ...response, additional: additional.slice(0, 20) });
});

test("composeWithin drops what stands between the records of a scattered RRset", () => {
  const [first, ...others] = addresses("web.shop.", 30);
  const additional = [...addresses("db.shop.", 1), first!, ...addresses("mail.shop.", 1), ...others];
  expect(parsed(composeWithin({ ...response, additional }, 512).octets).additional).toEqual(
    additional.slice(0, 1),
  );
});

test("composeWithin leaves out the whole RRset that does not fit, with TC", () => {
  const answers = [...addresses("db.shop.", 5), ...addresses("web.shop.", 100)];
  const { octets, truncated } = composeWithin({ ...response, answers, authority: answers }, 512);
  expect(truncated).toBe(true);
  expect(parsed(octets)).toEqual({
    ...response,
    header: { ...response.header, tc: true },
    answers: answers.slice(0, 5),
  });
});

test("composeWithin leaves a part of the answer's RRset where that is wanted, with TC", () => {
  const answers = addresses("web.shop.", 100);
  const message = { ...response, answers, additional: answers };
  const { octets, truncated } = composeWithin(message, 512, { partialAnswer: true });
  const kept = parsed(octets);
  expect(truncated).toBe(true);
  expect(kept.header.tc).toBe(true);
  // 12 of header, 14 of question, 24 of the first record, then 16 with a pointer; 11 of OPT.
  expect(kept.answers.length).toBe(1 + Math.floor((512 - 12 - 14 - 26 - 11) / 16));
  expect(kept.additional).toEqual([]);
  expect(kept.edns).toEqual(response.edns);
});

test("composeWithin cuts a message that no message can hold", () => {
  const answers = Array.from({ length: 5000 }, (_, i) => record(`host-${i}.shop.`, "192.0.2.1"));
  expect(() => composeMessage({ ...response, answers })).toThrow(
    expect.objectContaining({ reason: "message-long" }),
  );
  const { octets, truncated } = composeWithin({ ...response, answers }, 1_000_000);
  expect(truncated).toBe(true);
  expect(octets.length).toBeLessThanOrEqual(65_535);
  expect(parsed(octets).answers).toEqual(answers.slice(0, parsed(octets).answers.length));
});

test("composeWithin does not look at records after the first that does not fit", () => {
  let looks = 0;
  // The rule for whole RRsets has to; a part of one needs nothing behind it.
  const answers = addresses("web.shop.", 5000).map((rr) => ({
    ...rr,
    get name() {
      looks += 1;
      return rr.name;
    },
  }));
  composeWithin({ ...response, answers }, 512, { partialAnswer: true });
  expect(looks).toBeLessThan(40);
});

test("composeWithin takes a limit below 512 for 512", () => {
  const answers = addresses("web.shop.", 100);
  expect(composeWithin({ ...response, answers }, 0)).toEqual(composeWithin({ ...response, answers }, 512));
});

test("composeWithin drops the options of an OPT record that leaves no room for the question", () => {
  const edns = { ...response.edns!, options: [{ code: 10, data: new Uint8Array(600) }] };
  const { octets, truncated } = composeWithin({ ...response, edns }, 512);
  expect(truncated).toBe(false);
  expect(parsed(octets)).toEqual(response);
  expect(parsed(composeWithin({ ...response, edns }, 1232).octets).edns).toEqual(edns);
});

test("composeWithin gives up the text of an extended error, and then the error, before it leaves out a record", () => {
  const data = Uint8Array.from([0, 3, ...Buffer.from("x".repeat(90))]);
  const edns = { ...response.edns!, options: [{ code: EdnsOptionCode.EDE, data }] };
  const bare = { ...edns, options: [{ code: EdnsOptionCode.EDE, data: data.subarray(0, 2) }] };
  const none = { ...edns, options: [] };
  const least = composeMessage({ ...response, edns: none, answers: addresses("web.shop.", 40) }).length;
  for (const [room, kept] of [
    [96, edns],
    [95, bare],
    [6, bare],
    [5, none],
    [0, none],
  ] as const) {
    const answers = addresses("web.shop.", 40);
    const { octets, truncated } = composeWithin({ ...response, edns, answers }, least + room);
    expect([truncated, parsed(octets).answers.length, parsed(octets).edns]).toEqual([false, 40, kept]);
  }
  // What is cut all the same keeps the explanation.
  const cut = composeWithin({ ...response, edns, answers: addresses("web.shop.", 41) }, least);
  expect([cut.truncated, parsed(cut.octets).edns]).toEqual([true, edns]);
});

test("composeWithin cuts questions as well", () => {
  const questions = Array.from({ length: 40 }, (_, i) => ({
    name: `${"a".repeat(50)}.${i}.`,
    type: 1,
    class: 1,
  }));
  const { octets, truncated } = composeWithin({ ...response, questions }, 512);
  expect(truncated).toBe(true);
  expect(parsed(octets).questions).toEqual(questions.slice(0, 8));
});

const response: Message = {
  header: {
    id: 1,
    qr: true,
    opcode: 0,
    aa: true,
    tc: false,
    rd: true,
    ra: true,
    ad: false,
    cd: false,
    rcode: 0,
  },
  questions: [{ name: "web.shop.", type: 1, class: 1 }],
  answers: [],
  authority: [],
  additional: [],
  edns: { udpPayloadSize: 1232, version: 0, do: false, options: [] },
};

function addresses(name: string, count: number): ResourceRecord[] {
  return Array.from({ length: count }, (_, i) => record(name, `172.18.${i >> 8}.${i & 0xff}`));
}

function record(name: string, address: string): ResourceRecord {
  return { name, type: 1, class: 1, ttl: 600, data: { kind: "A", address } };
}

function parsed(octets: Uint8Array): Message {
  const result = parseMessage(octets);
  if (!result.ok) throw result.error;
  return result.message;
}

function rrsets(records: readonly ResourceRecord[]): string[] {
  return records.map((rr) => `${foldName(rr.name)} ${rr.class} ${rr.type}`);
}
