import { expect, test } from "vitest";
import { composeMessage } from "./compose.ts";
import { RrType } from "./iana.ts";
import type { Header, Message, Rdata, ResourceRecord } from "./message.ts";

const empty: Message = { header: header({}), questions: [], answers: [], authority: [], additional: [] };
const address = known("web.shop.", { kind: "A", address: "192.0.2.1" });
const port = { key: 3, value: Uint8Array.of(0, 80) };

function header(change: Partial<Header>): Header {
  const flags = { qr: false, aa: false, tc: false, rd: false, ra: false, ad: false, cd: false };
  return { id: 0, opcode: 0, rcode: 0, ...flags, ...change };
}

function rr(type: number, data: Rdata): ResourceRecord {
  return { name: ".", type, class: 1, ttl: 0, data };
}

function known(name: string, data: Rdata & { kind: keyof typeof RrType }): ResourceRecord {
  return { name, type: RrType[data.kind], class: 1, ttl: 0, data };
}

function hex(octets: Uint8Array): string {
  return Buffer.from(octets).toString("hex");
}

test("composeMessage writes header, question and OPT record", () => {
  const octets = composeMessage({
    ...empty,
    header: { ...empty.header, id: 0xabcd, rd: true, opcode: 2, rcode: 0x123 },
    questions: [{ name: "web.shop.", type: 1, class: 1 }],
    edns: { udpPayloadSize: 1232, version: 0, do: true, options: [{ code: 10, data: Uint8Array.of(1, 2) }] },
  });
  expect(hex(octets)).toBe(
    "abcd11030001000000000001037765620473686f70000001000100002904d0120080000006000a00020102",
  );
});

test("composeMessage compresses owners and the names of RFC 1035's types, and no others", () => {
  const lengthOf = (data: Parameters<typeof known>[1]) =>
    composeMessage({ ...empty, answers: [known("web.shop.", data)] }).length - 12 - 10 - 10;
  const times = { serial: 1, refresh: 2, retry: 3, expire: 4, minimum: 5 };
  const none = new Uint8Array();
  const target = "web.shop.";
  expect(lengthOf({ kind: "CNAME", target })).toBe(2);
  expect(lengthOf({ kind: "NS", target: "db.shop." })).toBe(5);
  expect(lengthOf({ kind: "PTR", target: "shop." })).toBe(2);
  expect(lengthOf({ kind: "MX", preference: 10, exchange: target })).toBe(4);
  expect(lengthOf({ kind: "SOA", mname: target, rname: "root.shop.", ...times })).toBe(2 + 7 + 20);
  expect(lengthOf({ kind: "SRV", priority: 0, weight: 0, port: 80, target })).toBe(16);
  expect(lengthOf({ kind: "DNAME", target })).toBe(10);
  expect(lengthOf({ kind: "SVCB", priority: 0, target, params: [] })).toBe(12);
  expect(lengthOf({ kind: "HTTPS", priority: 0, target, params: [] })).toBe(12);
  const naptr = { order: 0, preference: 0, flags: none, services: none, regexp: none, replacement: target };
  expect(lengthOf({ kind: "NAPTR", ...naptr })).toBe(17);
});

test("composeMessage points to no name in another letter case, and to none in data that is never compressed", () => {
  const answers = [
    known("web.SHOP.", { kind: "CNAME", target: "web.shop." }),
    known("db.shop.", { kind: "SRV", priority: 0, weight: 0, port: 80, target: "x.shop." }),
    known("x.shop.", { kind: "A", address: "192.0.2.1" }),
  ];
  const octets = hex(composeMessage({ ...empty, answers }));
  expect(octets.match(/0473686f70/g)).toHaveLength(2);
  expect(octets.match(/0178c0/g)).toHaveLength(1);
  expect(octets.match(/0453484f50/g)).toHaveLength(1);
  expect(octets.match(/01780473686f7000/g)).toHaveLength(1);
});

test("composeMessage points to no offset beyond 14 bits", () => {
  const filler = rr(999, { kind: "unknown", octets: new Uint8Array(0x4000) });
  const answers = [filler, address, address];
  expect(composeMessage({ ...empty, answers }).length).toBe(12 + 11 + 0x4000 + 2 * (10 + 14));
});

test.each<[string, Partial<Message>]>([
  ["rcode", { header: header({ rcode: 16 }) }],
  [
    "number",
    { header: header({ rcode: 4096 }), edns: { udpPayloadSize: 0, version: 0, do: false, options: [] } },
  ],
  ["number", { header: header({ opcode: 16 }) }],
  ["number", { header: header({ id: 65_536 }) }],
  ["number", { header: header({ id: -1 }) }],
  ["number", { questions: [{ name: ".", type: 65_536, class: 1 }] }],
  ["opt-section", { additional: [rr(41, { kind: "unknown", octets: new Uint8Array() })] }],
  ["message-long", { answers: [rr(999, { kind: "unknown", octets: new Uint8Array(65_535) })] }],
  ["rdata-long", { answers: [rr(999, { kind: "unknown", octets: new Uint8Array(65_536) })] }],
  ["number", { answers: [{ ...address, ttl: 2 ** 31 }] }],
  ["number", { answers: [{ ...address, ttl: 0.5 }] }],
  ["rdata-kind", { answers: [{ ...address, type: 28 }] }],
  ["rdata-kind", { answers: [{ ...address, class: 3 }] }],
  ["address", { answers: [rr(1, { kind: "A", address: "::1" })] }],
  ["address", { answers: [rr(28, { kind: "AAAA", address: "192.0.2.1" })] }],
  ["txt-empty", { answers: [rr(16, { kind: "TXT", strings: [] })] }],
  ["string-long", { answers: [rr(16, { kind: "TXT", strings: [new Uint8Array(256)] })] }],
  ["caa-tag", { answers: [rr(257, { kind: "CAA", flags: 0, tag: "", value: new Uint8Array() })] }],
  ["svcb-order", { answers: [rr(64, { kind: "SVCB", priority: 1, target: ".", params: [port, port] })] }],
])("composeMessage refuses what the wire cannot carry: %s", (reason, change) => {
  const message = { ...empty, ...change };
  expect(() => composeMessage(message)).toThrow(expect.objectContaining({ name: "WireError", reason }));
});

test.each([
  ["", "name"],
  ["web", "name"],
  ["web..", "name"],
  ["..", "name"],
  [".web.", "name"],
  ["a b.", "name"],
  ["b\u00fccher.", "name"],
  ["web\\.", "name"],
  ["web\\256.", "name"],
  ["web\\", "name"],
  [`${"a".repeat(64)}.`, "name"],
  [`${"\\000".repeat(64)}.`, "name"],
  ["a.".repeat(128), "name-long"],
  [`\\097.${"a.".repeat(127)}`, "name-long"],
])("composeMessage refuses the name %j", (name, reason) => {
  const questions = [{ name, type: 1, class: 1 }];
  expect(() => composeMessage({ ...empty, questions })).toThrow(expect.objectContaining({ reason }));
});
