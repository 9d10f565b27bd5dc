import dnsPacket, { type Answer } from "dns-packet";
import fc from "fast-check";
import { expect, test } from "vitest";
import { arbitraryIpv4, uint16 } from "../../test/fuzz/arbitrary-message.ts";
import { composeMessage } from "./compose.ts";
import { Opcode, RrType } from "./iana.ts";
import type { Message, Rdata, ResourceRecord } from "./message.ts";
import { parseMessage } from "./parse.ts";

/**
 * dns-packet as an independent opinion, in both directions, on what it does right: no class above 0x7fff, names and
 * strings of ASCII without escapes, no types that it does not know.
 */
test("dns-packet reads what composeMessage writes", () => {
  fc.assert(
    fc.property(cases, ({ message, packet }) => {
      const decoded = dnsPacket.decode(Buffer.from(composeMessage(message)));
      expect(decoded.id).toBe(packet.id);
      expect((decoded.flags ?? 0) & 0x7ff0).toBe((packet.flags ?? 0) & 0x7ff0);
      expect(decoded.questions).toEqual(packet.questions);
      expect(decoded.answers).toMatchObject(packet.answers as object[]);
      expect(decoded.additionals).toMatchObject(packet.additionals as object[]);
    }),
    { numRuns: 300 },
  );
});

test("parseMessage reads what dns-packet writes", () => {
  fc.assert(
    fc.property(cases, ({ message, packet }) => {
      expect(parseMessage(dnsPacket.encode(packet))).toEqual({ ok: true, message });
    }),
    { numRuns: 300 },
  );
});

test("dns-packet reads the OPT record that composeMessage writes", () => {
  const message: Message = {
    ...fc.sample(cases, 1)[0]!.message,
    additional: [],
    edns: {
      udpPayloadSize: 1232,
      version: 0,
      do: true,
      options: [{ code: 8, data: Uint8Array.of(0, 1, 24, 0, 192, 0, 2) }],
    },
  };
  const decoded = dnsPacket.decode(
    Buffer.from(composeMessage({ ...message, header: { ...message.header, rcode: 16 } })),
  );
  expect(decoded.additionals).toMatchObject([
    {
      name: ".",
      type: "OPT",
      udpPayloadSize: 1232,
      extendedRcode: 1,
      ednsVersion: 0,
      flag_do: true,
      options: [{ code: 8, ip: "192.0.2.0", sourcePrefixLength: 24 }],
    },
  ]);
});

const plainName = fc
  .array(fc.stringMatching(/^[a-zA-Z0-9_-]{1,12}$/), { minLength: 1, maxLength: 5 })
  .map((labels) => labels.join("."));
const text = fc.stringMatching(/^[ -~]{1,40}$/);
const octets = (value: string) => Uint8Array.from(Buffer.from(value));

/** The same data as each of the two libraries has it. */
interface Pair {
  readonly type: keyof typeof RrType;
  readonly theirs: unknown;
  readonly ours: Rdata;
}

const data: fc.Arbitrary<Pair> = fc.oneof(
  arbitraryIpv4.map((address): Pair => ({ type: "A", theirs: address, ours: { kind: "A", address } })),
  fc
    .constantFrom("2001:db8::1", "::", "fe80::1:0:0:1", "2001:db8:1:2:3:4:5:6")
    .map((address): Pair => ({ type: "AAAA", theirs: address, ours: { kind: "AAAA", address } })),
  fc
    .tuple(fc.constantFrom("NS" as const, "CNAME" as const, "PTR" as const, "DNAME" as const), plainName)
    .map(([kind, target]): Pair => ({ type: kind, theirs: target, ours: { kind, target: `${target}.` } })),
  fc.tuple(plainName, plainName, fc.nat(0xffffffff), fc.nat(0xffffffff)).map(
    ([mname, rname, serial, refresh]): Pair => ({
      type: "SOA",
      theirs: { mname, rname, serial, refresh, retry: 600, expire: 86400, minimum: 60 },
      ours: {
        kind: "SOA",
        mname: `${mname}.`,
        rname: `${rname}.`,
        serial,
        refresh,
        retry: 600,
        expire: 86400,
        minimum: 60,
      },
    }),
  ),
  fc.tuple(uint16, plainName).map(
    ([preference, exchange]): Pair => ({
      type: "MX",
      theirs: { preference, exchange },
      ours: { kind: "MX", preference, exchange: `${exchange}.` },
    }),
  ),
  fc.array(text, { minLength: 1, maxLength: 3 }).map(
    (strings): Pair => ({
      type: "TXT",
      theirs: strings.map((string) => Buffer.from(string)),
      ours: { kind: "TXT", strings: strings.map(octets) },
    }),
  ),
  fc.tuple(text, text).map(
    ([cpu, os]): Pair => ({
      type: "HINFO",
      theirs: { cpu, os },
      ours: { kind: "HINFO", cpu: octets(cpu), os: octets(os) },
    }),
  ),
  fc.tuple(uint16, uint16, uint16, plainName).map(
    ([priority, weight, port, target]): Pair => ({
      type: "SRV",
      theirs: { priority, weight, port, target },
      ours: { kind: "SRV", priority, weight, port, target: `${target}.` },
    }),
  ),
  fc.tuple(uint16, uint16, text, plainName).map(
    ([order, preference, regexp, replacement]): Pair => ({
      type: "NAPTR",
      theirs: { order, preference, flags: "u", services: "sip", regexp, replacement },
      ours: {
        kind: "NAPTR",
        order,
        preference,
        flags: octets("u"),
        services: octets("sip"),
        regexp: octets(regexp),
        replacement: `${replacement}.`,
      },
    }),
  ),
  fc.tuple(fc.boolean(), fc.constantFrom("issue", "iodef"), text).map(
    ([isCritical, tag, value]): Pair => ({
      type: "CAA",
      theirs: { flags: isCritical ? 128 : 0, tag, value, issuerCritical: isCritical },
      ours: { kind: "CAA", flags: isCritical ? 128 : 0, tag, value: octets(value) },
    }),
  ),
);

const records = fc.array(
  fc.tuple(plainName, fc.nat(0x7fffffff), data).map(([name, ttl, { type, theirs, ours }]) => ({
    theirs: { name, type, class: "IN", ttl, data: theirs } as Answer,
    ours: { name: `${name}.`, type: RrType[type], class: 1, ttl, data: ours } satisfies ResourceRecord,
  })),
  { maxLength: 5 },
);

const cases = fc
  .record({ id: uint16, name: plainName, answers: records, additional: records })
  .map((values) => {
    const { id, name, answers, additional } = values;
    const message: Message = {
      header: {
        id,
        qr: true,
        opcode: Opcode.QUERY,
        aa: true,
        tc: false,
        rd: true,
        ra: true,
        ad: false,
        cd: false,
        rcode: 0,
      },
      questions: [{ name: `${name}.`, type: RrType.A, class: 1 }],
      answers: answers.map(({ ours }) => ours),
      authority: [],
      additional: additional.map(({ ours }) => ours),
    };
    const packet: dnsPacket.Packet = {
      type: "response",
      id,
      flags: dnsPacket.AUTHORITATIVE_ANSWER | dnsPacket.RECURSION_DESIRED | dnsPacket.RECURSION_AVAILABLE,
      questions: [{ name, type: "A", class: "IN" }],
      answers: answers.map(({ theirs }) => theirs),
      additionals: additional.map(({ theirs }) => theirs),
    };
    return { message, packet };
  });
