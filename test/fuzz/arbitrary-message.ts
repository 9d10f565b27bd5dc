import fc from "fast-check";
import { RrType } from "../../src/wire/iana.ts";
import { formatIpv4, formatIpv6 } from "../../src/wire/ip.ts";
import type { Header, Message, Question, Rdata, ResourceRecord, SvcParam } from "../../src/wire/message.ts";
import { nameFromText } from "../../src/wire/name.ts";

/** Messages of every type with a shape, as they come back when they are composed and parsed. */

export const arbitraryOctets = (maxLength: number, minLength = 0) => fc.uint8Array({ minLength, maxLength });

const labels = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom("web", "db", "example", "org", "EXAMPLE", "_http", "_tcp", "a".repeat(63)),
  },
  { weight: 2, arbitrary: fc.stringMatching(/^[a-z0-9-]{1,20}$/) },
  {
    weight: 1,
    arbitrary: arbitraryOctets(20, 1).map((octets) =>
      Array.from(octets, (octet) => `\\${String(octet).padStart(3, "0")}`).join(""),
    ),
  },
);

/** Few labels, so that names share their ends and are compressed. */
export const arbitraryName = fc
  .array(labels, { maxLength: 6 })
  .map((parts) => nameFromText(`${parts.join(".")}.`))
  .filter((name) => name !== undefined);

const uint8 = fc.nat(0xff);
export const uint16 = fc.nat(0xffff);
const uint32 = fc.nat(0xffffffff);
const string = arbitraryOctets(40);
const target = { target: arbitraryName };

export const arbitraryIpv4 = arbitraryOctets(4, 4).map(formatIpv4);
export const arbitraryIpv6 = fc.oneof(
  arbitraryOctets(16, 16).map(formatIpv6),
  fc
    .array(fc.constantFrom(0, 0, 0, 1, 0xff), { minLength: 16, maxLength: 16 })
    .map((o) => formatIpv6(Uint8Array.from(o))),
);

/** Ascending keys, their values as they may be or not. */
const params: fc.Arbitrary<SvcParam[]> = fc
  .uniqueArray(
    fc.oneof(
      fc.record({ key: fc.constantFrom(0, 1, 2, 3, 4, 5, 6, 7, 667, 65535), value: string }),
      fc.constantFrom(
        { key: 0, value: Uint8Array.of(0, 1, 0, 3) },
        { key: 1, value: Uint8Array.of(2, 0x68, 0x32) },
        { key: 3, value: Uint8Array.of(0x20, 0xfb) },
        { key: 4, value: Uint8Array.of(192, 0, 2, 1, 192, 0, 2, 2) },
        { key: 6, value: new Uint8Array(16) },
      ),
    ),
    { selector: ({ key }) => key, maxLength: 5 },
  )
  .map((list) => list.sort((one, other) => one.key - other.key));

const service = { priority: uint16, ...target, params };

const shapes: { readonly [K in Exclude<Rdata["kind"], "unknown">]: Record<string, fc.Arbitrary<unknown>> } = {
  A: { address: arbitraryIpv4 },
  AAAA: { address: arbitraryIpv6 },
  NS: target,
  CNAME: target,
  PTR: target,
  DNAME: target,
  SOA: {
    mname: arbitraryName,
    rname: arbitraryName,
    serial: uint32,
    refresh: uint32,
    retry: uint32,
    expire: uint32,
    minimum: uint32,
  },
  MX: { preference: uint16, exchange: arbitraryName },
  TXT: { strings: fc.array(string, { minLength: 1, maxLength: 4 }) },
  HINFO: { cpu: string, os: string },
  SRV: { priority: uint16, weight: uint16, port: uint16, ...target },
  NAPTR: {
    order: uint16,
    preference: uint16,
    flags: string,
    services: string,
    regexp: string,
    replacement: arbitraryName,
  },
  SVCB: service,
  HTTPS: service,
  CAA: { flags: uint8, tag: fc.stringMatching(/^[a-zA-Z0-9]{1,12}$/), value: string },
};

/** Types that are kept as octets, whatever these are. */
const unknownType = fc.constantFrom(10, RrType.DS, RrType.DNSKEY, RrType.RRSIG, 999, 65280, 65535);

export const arbitraryRr: fc.Arbitrary<ResourceRecord> = fc
  .oneof(
    fc.tuple(unknownType, fc.record({ kind: fc.constant("unknown" as const), octets: arbitraryOctets(60) })),
    ...Object.entries(shapes).map(([kind, shape]) =>
      fc.tuple(
        fc.constant<number>(RrType[kind as keyof typeof shapes]),
        fc.record({ kind: fc.constant(kind), ...shape }) as unknown as fc.Arbitrary<Rdata>,
      ),
    ),
  )
  .chain(([type, data]) =>
    fc.record({
      name: arbitraryName,
      type: fc.constant(type),
      class: fc.constantFrom(1, 1, 1, 4, 254),
      ttl: fc.nat(0x7fffffff),
      data: fc.constant(data),
    }),
  );

export const arbitraryQuestion: fc.Arbitrary<Question> = fc.record({
  name: arbitraryName,
  type: uint16,
  class: uint16,
});

const flag = fc.boolean();

function header(maxRcode: number): fc.Arbitrary<Header> {
  return fc.record({
    id: uint16,
    qr: flag,
    opcode: fc.nat(15),
    aa: flag,
    tc: flag,
    rd: flag,
    ra: flag,
    ad: flag,
    cd: flag,
    rcode: fc.nat(maxRcode),
  });
}

const edns = fc.record({
  udpPayloadSize: uint16,
  version: uint8,
  do: flag,
  options: fc.array(fc.record({ code: uint16, data: string }), { maxLength: 3 }),
});

/** Messages with at most so many records in each section. */
export function arbitraryMessage(maxRecords: number): fc.Arbitrary<Message> {
  const records = fc.array(arbitraryRr, { maxLength: maxRecords });
  const sections = {
    questions: fc.array(arbitraryQuestion, { maxLength: 2 }),
    answers: records,
    authority: records,
    additional: records,
  };
  return fc.oneof(
    fc.record({ header: header(15), ...sections }),
    fc.record({ header: header(4095), ...sections, edns }),
  );
}
