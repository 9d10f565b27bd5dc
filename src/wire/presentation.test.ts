import fc from "fast-check";
import { expect, test } from "vitest";
import {
  arbitraryIpv4,
  arbitraryName,
  arbitraryOctets,
  arbitraryRr,
} from "../../test/fuzz/arbitrary-message.ts";
import type { ResourceRecord } from "./message.ts";
import { formatRdata, formatRr, parseRr } from "./presentation.ts";
import { rdataOctets } from "./rdata.ts";

test.each([
  "web.shop. 600 IN A 172.18.0.3",
  "web.shop. 0 IN AAAA 2001:db8::1",
  "shop. 2147483647 IN NS db.shop.",
  "web.shop. 600 IN CNAME db.shop.",
  "shop. 600 IN DNAME example.org.",
  "3.0.18.172.in-addr.arpa. 600 IN PTR web.shop.",
  "shop. 600 IN SOA db.shop. root.shop. 4294967295 3600 600 86400 60",
  "shop. 600 IN MX 10 mail.shop.",
  'shop. 600 IN TXT "v=spf1 -all" "" "a\\"b\\\\c;d\\000\\255"',
  'shop. 600 IN HINFO "x86" "linux"',
  "_http._tcp.web.shop. 600 IN SRV 0 5 80 web.shop.",
  'shop. 600 IN NAPTR 100 10 "u" "sip+E2U" "!^.*$!sip:info@example.org!" .',
  'shop. 600 IN CAA 128 issue "letsencrypt.org; policy=ev"',
  "_dns.shop. 600 IN SVCB 0 svc.shop.",
  'shop. 600 IN HTTPS 1 . alpn="h2,h3" no-default-alpn port=8443 ipv4hint=192.0.2.1,192.0.2.2 ech=AAEC ipv6hint=2001:db8::1 key667="a b\\255"',
  'shop. 600 IN HTTPS 1 . mandatory=alpn,port alpn="h2" port=53',
  "shop. 600 IN DS \\# 4 0a000001",
  "shop. 600 IN TYPE65280 \\# 0",
  "shop. 600 CLASS32 TYPE731 \\# 6 abcdef012345",
  'version.bind. 0 CH TXT "eleven"',
  "shop. 600 CH A \\# 7 04434841530001",
  'my\\.web.a\\032b\\;c\\@.shop. 600 IN CNAME \\$\\(a\\)\\".',
  "xn--bcher-kva.example. 600 IN A 192.0.2.1",
])("parseRr and formatRr keep %s", (line) => {
  expect(formatRr(parseRr(line))).toBe(line);
});

test.each([
  ["web.shop 600 A 172.18.0.3", "web.shop. 600 IN A 172.18.0.3"],
  ["web.shop\t600\tin\ta\t172.18.0.3 ; the web", "web.shop. 600 IN A 172.18.0.3"],
  ["web.shop IN 600 A 172.18.0.3", "web.shop. 600 IN A 172.18.0.3"],
  ["web.shop 600 IN AAAA 2001:DB8:0:0:0:0:0:1", "web.shop. 600 IN AAAA 2001:db8::1"],
  ["web.shop 600 IN A \\# 4 AC12 0003", "web.shop. 600 IN A 172.18.0.3"],
  ["web.shop 600 IN TYPE1 \\# 4 ac120003", "web.shop. 600 IN A 172.18.0.3"],
  ["web.shop 600 IN TYPE1 172.18.0.3", "web.shop. 600 IN A 172.18.0.3"],
  ["shop 600 IN MX \\# 9 000a0477656230 00 00 ; short", undefined],
  ["shop 600 IN MX \\# 7 000a 03776562 00", "shop. 600 IN MX 10 web."],
  ["shop 600 IN TXT word a\\ b", 'shop. 600 IN TXT "word" "a b"'],
  ['shop 600 IN TXT "\\#" 1', 'shop. 600 IN TXT "#" "1"'],
  ["shop 600 IN TXT b\u00fccher", 'shop. 600 IN TXT "b\\195\\188cher"'],
  ["shop 600 IN SOA ( db.shop. root.shop.\n 1 2 3 4 5 )", "shop. 600 IN SOA db.shop. root.shop. 1 2 3 4 5"],
  ["shop 600 IN SOA db.shop. root.shop. 1 2 3 4", undefined],
])("parseRr reads %j as %j", (line, expected) => {
  if (expected === undefined)
    expect(() => parseRr(line)).toThrow(expect.objectContaining({ name: "WireError" }));
  else expect(formatRr(parseRr(line))).toBe(expected);
});

test.each([
  ["", "text"],
  ["web.shop.", "text"],
  ["web.shop. 600 IN", "text"],
  ["web.shop. 600 IN A", "text"],
  ["web.shop. IN A 172.18.0.3", "text"],
  ["web.shop. 600 IN A 172.18.0.3 172.18.0.4", "text"],
  ["web.shop. 600 IN BOGUS 1", "text"],
  ["web.shop. 600 IN DS 1 2 3 4", "text"],
  ["web.shop. 600 IN OPT \\# 0", "text"],
  ["web..shop. 600 IN A 172.18.0.3", "name"],
  ["web.shop. 2147483648 IN A 172.18.0.3", "number"],
  ["web.shop. 1h IN A 172.18.0.3", "number"],
  ["web.shop. 600 IN A 172.18.0.256", "address"],
  ["web.shop. 600 IN AAAA 172.18.0.3", "address"],
  ["web.shop. 600 IN MX 65536 web.shop.", "number"],
  ["web.shop. 600 IN CNAME b\\256.", "name"],
  ['web.shop. 600 IN TXT "open', "text"],
  ["web.shop. 600 IN TXT open\\", "text"],
  [`web.shop. 600 IN TXT ${"a".repeat(256)}`, "string-long"],
  ['web.shop. 600 IN CAA 0 is-sue "x"', "caa-tag"],
  ["web.shop. 600 IN A \\# 4 ac1200", "text"],
  ["web.shop. 600 IN A \\# 4 ac12000g", "text"],
  ["web.shop. 600 IN A \\# 3 ac1200", "rdata-short"],
  ["web.shop. 600 IN CNAME \\# 2 c00c", "pointer-target"],
  ["web.shop. 600 IN MX \\# 16 0000 0000000000000000000000 00 c00c", "rdata-trailing"],
])("parseRr refuses %j: %s", (line, reason) => {
  expect(() => parseRr(line)).toThrow(expect.objectContaining({ name: "WireError", reason }));
});

test("parseRr reads back what formatRr wrote, for every type", () => {
  fc.assert(
    fc.property(arbitraryRr, (rr) => {
      expect(parseRr(formatRr(rr))).toEqual(rr);
    }),
    { numRuns: 2000 },
  );
});

test("parseRr reads the octets of every type (RFC 3597)", () => {
  fc.assert(
    fc.property(arbitraryRr, (rr) => {
      const octets = rdataOctets(rr.data);
      const line = `${formatRr({ ...rr, name: ".", data: { kind: "unknown", octets } })}`;
      expect(parseRr(line)).toEqual({ ...rr, name: "." });
    }),
    { numRuns: 1000 },
  );
});

test("every octet goes through strings and names", () => {
  const strings = [Uint8Array.from({ length: 255 }, (_, i) => i), Uint8Array.of(255)];
  const txt = { ...base, type: 16, data: { kind: "TXT" as const, strings } };
  expect(parseRr(formatRr(txt))).toEqual(txt);
  fc.assert(
    fc.property(arbitraryName, arbitraryIpv4, arbitraryOctets(300), (name, address, value) => {
      const a = { ...base, name, data: { kind: "A" as const, address } };
      const caa = { ...base, name, type: 257, data: { kind: "CAA" as const, flags: 0, tag: "issue", value } };
      expect(parseRr(formatRr(a))).toEqual(a);
      expect(parseRr(formatRr(caa))).toEqual(caa);
    }),
  );
});

test("formatRdata writes the data alone", () => {
  expect(formatRdata(parseRr("shop. 1 MX 10 mail.shop."))).toBe("10 mail.shop.");
});

const base: Omit<ResourceRecord, "data"> = { name: "web.shop.", type: 1, class: 1, ttl: 600 };
