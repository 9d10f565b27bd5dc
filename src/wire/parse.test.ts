import fc from "fast-check";
import { expect, test } from "vitest";
import { arbitraryMessage } from "../../test/fuzz/arbitrary-message.ts";
import { composeMessage } from "./compose.ts";
import { MAX_TTL } from "./limits.ts";
import type { Message } from "./message.ts";
import { parseCounts, parseHeader, parseMessage } from "./parse.ts";

const octetsOf = (hex: string) => Uint8Array.from(Buffer.from(hex.replaceAll(" ", ""), "hex"));

test("parseMessage reads a query with EDNS", () => {
  const octets = octetsOf(
    "abcd 0120 0001 0000 0000 0001 03776562 0473686f70 00 0001 0001 00 0029 04d0 00 00 8000 0000",
  );
  expect(parseMessage(octets)).toEqual({
    ok: true,
    message: {
      header: { ...blankHeader, id: 0xabcd, rd: true, ad: true },
      questions: [{ name: "web.shop.", type: 1, class: 1 }],
      answers: [],
      authority: [],
      additional: [],
      edns: { udpPayloadSize: 1232, version: 0, do: true, options: [] },
    },
  });
});

test("parseMessage puts the rcode together from header and OPT", () => {
  const parsed = parseMessage(octetsOf("0000 8005 0000 0000 0000 0001 00 0029 0200 01 00 0000 0000"));
  expect(parsed).toMatchObject({ ok: true, message: { header: { rcode: 0x15 } } });
});

test("parseMessage gives back what composeMessage was given", () => {
  fc.assert(
    fc.property(arbitraryMessage(6), (message) => {
      expect(parseMessage(composeMessage(message))).toEqual({ ok: true, message });
    }),
    { numRuns: 400 },
  );
});

test("parseMessage reads a Buffer into plain octets that share no memory with it", () => {
  const buffer = Buffer.from(composeMessage(withTxt));
  const parsed = parseMessage(buffer);
  buffer.fill(0xff);
  expect(parsed).toEqual({ ok: true, message: withTxt });
});

test("parseMessage never throws for arbitrary octets", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat(3), (tail, count) => {
      const octets = Uint8Array.of(0, 0, 0, 0, 0, count, 0, count, 0, count, 0, count, ...tail);
      expect(typeof parseMessage(octets).ok).toBe("boolean");
      expect(typeof parseMessage(tail).ok).toBe("boolean");
    }),
    { numRuns: 1000 },
  );
});

test("parseMessage reads a TTL above 2^31-1 as that", () => {
  fc.assert(
    fc.property(fc.nat(0xffffffff), (ttl) => {
      const octets = composeMessage(withTxt);
      new DataView(octets.buffer, octets.byteOffset).setUint32(12 + 1 + 4, ttl);
      const parsed = parseMessage(octets);
      expect(parsed.ok && parsed.message.answers[0]!.ttl).toBe(Math.min(ttl, MAX_TTL));
    }),
  );
});

test("parseMessage gives header and question of a message that is broken later", () => {
  const broken = octetsOf("abcd 0100 0001 0001 0000 0000 03776562 00 0001 0001 c0");
  expect(parseMessage(broken)).toMatchObject({
    ok: false,
    error: { reason: "message-short" },
    header: { id: 0xabcd, rd: true },
    question: { name: "web.", type: 1, class: 1 },
  });
  expect(parseMessage(broken.subarray(0, 18))).toMatchObject({
    ok: false,
    header: { id: 0xabcd },
    question: undefined,
  });
  expect(parseMessage(broken.subarray(0, 11))).toMatchObject({
    ok: false,
    header: undefined,
    question: undefined,
  });
});

test("parseHeader and parseCounts read nothing but the header", () => {
  const octets = octetsOf("abcd ffff 0001 0002 0003 ffff");
  expect(parseHeader(octets)).toEqual({
    id: 0xabcd,
    qr: true,
    opcode: 15,
    aa: true,
    tc: true,
    rd: true,
    ra: true,
    ad: true,
    cd: true,
    rcode: 15,
  });
  expect(parseCounts(octets)).toEqual({ questions: 1, answers: 2, authority: 3, additional: 65535 });
  expect(parseHeader(octets.subarray(1))).toBeUndefined();
  expect(parseCounts(octets.subarray(1))).toBeUndefined();
});

test("parseMessage reads a message of 65,535 octets", () => {
  const strings = [new Uint8Array(255), new Uint8Array(255), new Uint8Array(255)];
  const rr = { name: "web.shop.", type: 16, class: 1, ttl: 1, data: { kind: "TXT" as const, strings } };
  const answers = Array.from({ length: 83 }, () => rr);
  const size = composeMessage({ ...withTxt, answers }).length;
  const last = {
    ...rr,
    type: 999,
    data: { kind: "unknown" as const, octets: new Uint8Array(65535 - size - 12) },
  };
  const octets = composeMessage({ ...withTxt, answers: [...answers, last] });
  expect(octets.length).toBe(65535);
  expect(parseMessage(octets)).toEqual({ ok: true, message: { ...withTxt, answers: [...answers, last] } });
});

test("parseMessage follows deep chains of pointers without visiting octets again and again", () => {
  // The owner of every record is a new label and a pointer to the owner before it, as deep as names may go;
  // then only pointers to the deepest.
  const header = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  const octets: number[] = [...header, 0, 0, 10, 0, 1, 0, 0, 0, 0, 0, 0];
  let owner = 12;
  let count = 1;
  for (; octets.length + 14 <= 65535; count++) {
    const at = octets.length;
    const isDeeper = count < 127;
    if (isDeeper) octets.push(1, 0x61);
    octets.push(0xc0 | (owner >> 8), owner & 0xff, 0, 10, 0, 1, 0, 0, 0, 0, 0, 0);
    if (isDeeper) owner = at;
  }
  octets[6] = count >> 8;
  octets[7] = count & 0xff;
  const { proxy, visits } = counted(Uint8Array.from(octets));
  const parsed = parseMessage(proxy);
  expect(parsed.ok && parsed.message.answers.at(-1)!.name).toBe("a.".repeat(126));
  expect(visits()).toBeLessThan(2 * octets.length);
});

const blankHeader = {
  id: 0,
  qr: false,
  opcode: 0,
  aa: false,
  tc: false,
  rd: false,
  ra: false,
  ad: false,
  cd: false,
  rcode: 0,
};

const withTxt: Message = {
  header: blankHeader,
  questions: [],
  answers: [
    {
      name: ".",
      type: 16,
      class: 1,
      ttl: 0,
      data: { kind: "TXT", strings: [Uint8Array.of(1, 2), Uint8Array.of(255)] },
    },
  ],
  authority: [],
  additional: [],
};

/** Octets that count how often one of them is read. */
function counted(octets: Uint8Array): { proxy: Uint8Array; visits: () => number } {
  let visits = 0;
  const proxy = new Proxy(octets, {
    get(target, key) {
      if (typeof key === "string" && /^\d+$/.test(key)) visits += 1;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { proxy, visits: () => visits };
}
