import fc from "fast-check";
import { expect, test } from "vitest";
import { arbitraryName, arbitraryOctets, arbitraryRr } from "../../test/fuzz/arbitrary-message.ts";
import { Reader } from "./cursor.ts";
import { decodeEscapes, ESCAPED } from "./escape.ts";
import { RrClass, RrType } from "./iana.ts";
import type { Rdata } from "./message.ts";
import { nameFromText } from "./name.ts";
import { formatRdata } from "./presentation.ts";
import { readRdata } from "./rdata.ts";

const octets = (text: string) => Uint8Array.from(Buffer.from(text, "latin1"));

/** Every kind is here, or the types complain. */
const shown: { readonly [K in Rdata["kind"]]: readonly (readonly [Rdata & { kind: K }, string])[] } = {
  A: [[{ kind: "A", address: "172.18.0.3" }, "172.18.0.3"]],
  AAAA: [[{ kind: "AAAA", address: "2001:db8::1" }, "2001:db8::1"]],
  NS: [[{ kind: "NS", target: "db.shop." }, "db.shop."]],
  CNAME: [
    [{ kind: "CNAME", target: "." }, "."],
    [{ kind: "CNAME", target: "xn--bcher-kva.Example." }, "xn--bcher-kva.Example."],
    [{ kind: "CNAME", target: "my\\.web.a\\032b;c@.shop." }, "my\\.web.a\\032b\\;c\\@.shop."],
    [{ kind: "CNAME", target: '$(a)".' }, '\\$\\(a\\)\\".'],
    [{ kind: "CNAME", target: "\\\\;.\\000\\255." }, "\\\\\\;.\\000\\255."],
  ],
  DNAME: [[{ kind: "DNAME", target: "example.org." }, "example.org."]],
  PTR: [[{ kind: "PTR", target: "web.shop." }, "web.shop."]],
  SOA: [
    [
      {
        kind: "SOA",
        mname: "db.shop.",
        rname: "root@.shop.",
        serial: 4294967295,
        refresh: 3600,
        retry: 600,
        expire: 86400,
        minimum: 60,
      },
      "db.shop. root\\@.shop. 4294967295 3600 600 86400 60",
    ],
  ],
  MX: [[{ kind: "MX", preference: 10, exchange: "mail;.shop." }, "10 mail\\;.shop."]],
  TXT: [
    [
      { kind: "TXT", strings: ["v=spf1 -all", "", 'a"b\\c;d\x00\xff'].map(octets) },
      '"v=spf1 -all" "" "a\\"b\\\\c;d\\000\\255"',
    ],
    [
      { kind: "TXT", strings: ["b\xc3\xbccher", "\x1f ~\x7f", "$(@)\t\n", "#"].map(octets) },
      '"b\\195\\188cher" "\\031 ~\\127" "$(@)\\009\\010" "#"',
    ],
  ],
  HINFO: [[{ kind: "HINFO", cpu: octets("x86"), os: octets('li"nux') }, '"x86" "li\\"nux"']],
  SRV: [[{ kind: "SRV", priority: 0, weight: 5, port: 80, target: "$web.shop." }, "0 5 80 \\$web.shop."]],
  NAPTR: [
    [
      {
        kind: "NAPTR",
        order: 100,
        preference: 10,
        flags: octets("u"),
        services: octets("sip+E2U"),
        regexp: octets('!^\\+(.*)$!sip:"\\1"@example.org!'),
        replacement: ".",
      },
      '100 10 "u" "sip+E2U" "!^\\\\+(.*)$!sip:\\"\\\\1\\"@example.org!" .',
    ],
  ],
  CAA: [
    [
      { kind: "CAA", flags: 128, tag: "issue", value: octets("letsencrypt.org; policy=ev") },
      '128 issue "letsencrypt.org; policy=ev"',
    ],
    [{ kind: "CAA", flags: 0, tag: "issue", value: octets('a"\\\xff') }, '0 issue "a\\"\\\\\\255"'],
    [{ kind: "CAA", flags: 0, tag: "issue", value: octets("") }, '0 issue ""'],
  ],
  SVCB: [[{ kind: "SVCB", priority: 0, target: "svc@.shop.", params: [] }, "0 svc\\@.shop."]],
  HTTPS: [
    [
      {
        kind: "HTTPS",
        priority: 1,
        target: ".",
        params: [
          { key: 1, value: octets("\x02h2\x02h3") },
          { key: 2, value: octets("") },
          { key: 3, value: octets("\x20\xfb") },
          { key: 4, value: Uint8Array.of(192, 0, 2, 1, 192, 0, 2, 2) },
          { key: 5, value: Uint8Array.of(0, 1, 2) },
          { key: 6, value: octets("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01") },
          { key: 667, value: octets("a b\xff") },
        ],
      },
      '1 . alpn="h2,h3" no-default-alpn port=8443 ipv4hint=192.0.2.1,192.0.2.2 ech=AAEC ipv6hint=2001:db8::1 key667="a b\\255"',
    ],
    [
      {
        kind: "HTTPS",
        priority: 1,
        target: ".",
        params: [
          { key: 0, value: Uint8Array.of(0, 1, 0, 3) },
          { key: 1, value: octets("\x02h2") },
          { key: 3, value: Uint8Array.of(0, 53) },
        ],
      },
      '1 . mandatory=alpn,port alpn="h2" port=53',
    ],
  ],
  unknown: [
    [{ kind: "unknown", octets: Uint8Array.of(0x0a, 0, 0, 1) }, "\\# 4 0a000001"],
    [{ kind: "unknown", octets: new Uint8Array() }, "\\# 0"],
  ],
};

test.each(
  Object.values(shown)
    .flat()
    .map(([data, text]) => ({ kind: data.kind, data, text })),
)("formatRdata writes the data of $kind as $text", ({ data, text }) => {
  expect(formatRdata({ data })).toBe(text);
});

test.each([
  ["DS", RrType.DS, RrClass.IN, "0a000001", "\\# 4 0a000001"],
  ["TYPE65280", 65280, RrClass.IN, "", "\\# 0"],
  ["TYPE731 of CLASS32", 731, 32, "abcdef012345", "\\# 6 abcdef012345"],
  ["A of IN", RrType.A, RrClass.IN, "ac120003", "172.18.0.3"],
  ["A of HS", RrType.A, RrClass.HS, "ac120003", "172.18.0.3"],
  ["A of CH", RrType.A, RrClass.CH, "04434841530001", "\\# 7 04434841530001"],
  ["TXT of CH", RrType.TXT, RrClass.CH, "06656c6576656e", '"eleven"'],
  ["CNAME of CLASS32", RrType.CNAME, 32, "01610362286300", "a.b\\(c."],
  ["MX", RrType.MX, RrClass.IN, "000a0377656200", "10 web."],
  ["A of NONE without data", RrType.A, RrClass.NONE, "", "\\# 0"],
])(
  "the data of %s, as it is read, is written by RFC 3597 where it has no shape",
  (_, type, rrclass, hex, text) => {
    const data = Uint8Array.from(Buffer.from(hex, "hex"));
    expect(formatRdata({ data: readRdata(new Reader(data, 0, 0), type, rrclass, data.length) })).toBe(text);
  },
);

test("formatRdata writes every record in one line of printable ASCII", () => {
  fc.assert(
    fc.property(arbitraryRr, (rr) => {
      expect(formatRdata(rr)).toMatch(/^[ -~]+$/);
    }),
    { numRuns: 2000 },
  );
});

test("every octet goes through strings and names", () => {
  const all = Uint8Array.from({ length: 256 }, (_, i) => i);
  expect(octetsOf(formatRdata({ data: { kind: "CAA", flags: 0, tag: "issue", value: all } }))).toEqual(all);
  fc.assert(
    fc.property(arbitraryName, arbitraryOctets(255), (target, string) => {
      expect(nameFromText(formatRdata({ data: { kind: "CNAME", target } }))).toBe(target);
      expect(octetsOf(formatRdata({ data: { kind: "TXT", strings: [string] } }))).toEqual(string);
    }),
  );
});

test("a string's text has no quote without a backslash, and a name's text nothing that a zone file means otherwise", () => {
  fc.assert(
    fc.property(arbitraryName, arbitraryOctets(255), (target, string) => {
      expect(formatRdata({ data: { kind: "CNAME", target } })).toMatch(/^(?:[^\\;"()@$\s]|\\.)+$/);
      expect(formatRdata({ data: { kind: "TXT", strings: [string] } })).toMatch(/^"(?:[^\\"]|\\.)*"$/);
    }),
  );
});

/** The octets of the one string in quotes. */
function octetsOf(text: string): Uint8Array {
  const inside = text.slice(text.indexOf('"') + 1, -1);
  return Uint8Array.from(decodeEscapes(inside)!, (octet) => octet & ~ESCAPED);
}
