import { expect, test } from "vitest";
import { formatRdata, parseRr } from "./presentation.ts";
import { rdataOctets } from "./rdata.ts";

/** RFC 9460 §D.1 and §D.2: text and octets of the whole data. */
test.each([
  ["0 foo.example.com.", "000003666f6f076578616d706c6503636f6d00"],
  ["1 .", "000100"],
  ["16 foo.example.com. port=53", "001003666f6f076578616d706c6503636f6d00000300020035"],
  ["1 foo.example.com. key667=hello", "000103666f6f076578616d706c6503636f6d00029b000568656c6c6f"],
  [
    '1 foo.example.com. key667="hello\\210qoo"',
    "000103666f6f076578616d706c6503636f6d00029b000968656c6c6fd2716f6f",
  ],
  [
    '1 foo.example.com. ipv6hint="2001:db8::1,2001:db8::53:1"',
    "000103666f6f076578616d706c6503636f6d000006002020010db800000000000000000000000120010db8000000000000000000530001",
  ],
  [
    '1 example.com. ipv6hint="2001:db8:122:344::192.0.2.33"',
    "0001076578616d706c6503636f6d000006001020010db80122034400000000c0000221",
  ],
  [
    "16 foo.example.org. alpn=h2,h3-19 mandatory=ipv4hint,alpn ipv4hint=192.0.2.1",
    "001003666f6f076578616d706c65036f7267000000000400010004000100090268320568332d313900040004c0000201",
  ],
  [
    '16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"',
    "001003666f6f076578616d706c65036f72670000010" + "00c08665c6f6f2c626172026832",
  ],
  [
    "16 foo.example.org. alpn=f\\\\\\092oo\\092,bar,h2",
    "001003666f6f076578616d706c65036f72670000010" + "00c08665c6f6f2c626172026832",
  ],
])("service parameters of RFC 9460 are read and written: %s", (text, hex) => {
  const rr = parseRr(`example.com. 300 IN SVCB ${text}`);
  expect(Buffer.from(rdataOctets(rr.data)).toString("hex")).toBe(hex);
  expect(parseRr(`example.com. 300 IN SVCB ${formatRdata(rr)}`)).toEqual(rr);
  expect(parseRr(`example.com. 300 IN SVCB \\# ${hex.length / 2} ${hex}`)).toEqual(rr);
});

/** RFC 9460 §D.3, and others of the same kind. */
test.each([
  ["key123=abc key123=def", "svcb-order"],
  ["mandatory", "text"],
  ["alpn", "text"],
  ["port", "text"],
  ["ipv4hint", "text"],
  ["ipv6hint", "text"],
  ["no-default-alpn=abc", "text"],
  ["mandatory=key123", "text"],
  ["mandatory=mandatory", "text"],
  ["mandatory=key123,key123 key123=abc", "text"],
  ["no-default-alpn", "text"],
  ["port=65536", "text"],
  ["port=-1", "text"],
  ["alpn=h2,,h3", "text"],
  ["alpn=h2\\\\", "text"],
  [`alpn=${"a".repeat(256)}`, "text"],
  ["ipv4hint=192.0.2.1,", "text"],
  ["ipv4hint=2001:db8::1", "text"],
  ["ipv6hint=192.0.2.1", "text"],
  ["ech=AAE", "text"],
  ["ech=", "text"],
  ["bogus=1", "text"],
  ["key65536=1", "text"],
  ["key01=1", "text"],
  ["key9=\\256", "text"],
])("service parameters are refused: %s", (params, reason) => {
  expect(() => parseRr(`example.com. 300 IN HTTPS 1 . ${params}`)).toThrow(
    expect.objectContaining({ name: "WireError", reason }),
  );
});

test.each([
  [0, [1], 'key0="\\001"'],
  [0, [0, 4, 0, 1], 'key0="\\000\\004\\000\\001"'],
  [0, [0, 0], 'key0="\\000\\000"'],
  [1, [], "key1"],
  [1, [2, 0x68], 'key1="\\002h"'],
  [1, [0], 'key1="\\000"'],
  [1, [1, 0x2c, 1, 0x5c], 'alpn="\\\\,,\\\\\\\\"'],
  [2, [1], 'key2="\\001"'],
  [3, [1], 'key3="\\001"'],
  [4, [], "key4"],
  [4, [192, 0, 2], 'key4="\\192\\000\\002"'],
  [5, [], "key5"],
  [6, [1], 'key6="\\001"'],
])("the value of key %i that is %j is written as %s", (key, octets, expected) => {
  const params = [{ key, value: Uint8Array.from(octets) }];
  expect(formatRdata({ data: { kind: "HTTPS", priority: 1, target: ".", params } })).toBe(`1 . ${expected}`);
});
