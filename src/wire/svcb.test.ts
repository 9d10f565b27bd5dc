import { expect, test } from "vitest";
import { Reader, Writer } from "./cursor.ts";
import { RrType } from "./iana.ts";
import { formatRdata } from "./presentation.ts";
import { readRdata, writeRdata } from "./rdata.ts";

/** RFC 9460 §D.1 and §D.2: octets of the whole data, and their text in the spelling that is ours. */
test.each([
  ["000003666f6f076578616d706c6503636f6d00", "0 foo.example.com."],
  ["000100", "1 ."],
  ["001003666f6f076578616d706c6503636f6d00000300020035", "16 foo.example.com. port=53"],
  ["000103666f6f076578616d706c6503636f6d00029b000568656c6c6f", '1 foo.example.com. key667="hello"'],
  [
    "000103666f6f076578616d706c6503636f6d00029b000968656c6c6fd2716f6f",
    '1 foo.example.com. key667="hello\\210qoo"',
  ],
  [
    "000103666f6f076578616d706c6503636f6d000006002020010db800000000000000000000000120010db8000000000000000000530001",
    "1 foo.example.com. ipv6hint=2001:db8::1,2001:db8::53:1",
  ],
  [
    "0001076578616d706c6503636f6d000006001020010db80122034400000000c0000221",
    "1 example.com. ipv6hint=2001:db8:122:344::c000:221",
  ],
  [
    "001003666f6f076578616d706c65036f7267000000000400010004000100090268320568332d313900040004c0000201",
    '16 foo.example.org. mandatory=alpn,ipv4hint alpn="h2,h3-19" ipv4hint=192.0.2.1',
  ],
  [
    "001003666f6f076578616d706c65036f7267000001000c08665c6f6f2c626172026832",
    '16 foo.example.org. alpn="f\\\\\\\\oo\\\\,bar,h2"',
  ],
])("service parameters of RFC 9460 are read, shown and written: %s is %s", (hex, text) => {
  const octets = Uint8Array.from(Buffer.from(hex, "hex"));
  const data = readRdata(new Reader(octets, 0, 0), RrType.SVCB, 1, octets.length);
  expect(formatRdata({ data })).toBe(text);
  const writer = new Writer();
  writeRdata(writer, RrType.SVCB, 1, data);
  expect(Buffer.from(writer.finish().subarray(2)).toString("hex")).toBe(hex);
});

test.each([
  [0, [0, 1, 0xff, 0xff], "mandatory=alpn,key65535"],
  [0, [], "key0"],
  [0, [1], 'key0="\\001"'],
  [0, [0, 4, 0, 1], 'key0="\\000\\004\\000\\001"'],
  [0, [0, 4, 0, 4], 'key0="\\000\\004\\000\\004"'],
  [0, [0, 4, 1], 'key0="\\000\\004\\001"'],
  [0, [0, 0], 'key0="\\000\\000"'],
  [1, [], "key1"],
  [1, [2, 0x68], 'key1="\\002h"'],
  [1, [0], 'key1="\\000"'],
  [1, [1, 0x68, 0], 'key1="\\001h\\000"'],
  [1, [1, 0x2c, 1, 0x5c], 'alpn="\\\\,,\\\\\\\\"'],
  [1, [2, 0x22, 0x3b, 1, 0xff], 'alpn="\\";,\\255"'],
  [2, [], "no-default-alpn"],
  [2, [1], 'key2="\\001"'],
  [3, [0xff, 0xfe], "port=65534"],
  [3, [], "key3"],
  [3, [1], 'key3="\\001"'],
  [3, [0, 0, 1], 'key3="\\000\\000\\001"'],
  [4, [192, 0, 2, 1, 192, 0, 2, 2], "ipv4hint=192.0.2.1,192.0.2.2"],
  [4, [], "key4"],
  [4, [192, 0, 2], 'key4="\\192\\000\\002"'],
  [4, [192, 0, 2, 1, 192], 'key4="\\192\\000\\002\\001\\192"'],
  [5, [0, 1, 2, 0xff], "ech=AAEC/w=="],
  [5, [], "key5"],
  [6, [], "key6"],
  [6, [1], 'key6="\\001"'],
  [7, [], "key7"],
  [65535, [0x22, 0x20, 0x5c, 0x2c], 'key65535="\\" \\\\,"'],
])("the value of key %i that is %j is written as %s", (key, octets, expected) => {
  const params = [{ key, value: Uint8Array.from(octets) }];
  expect(formatRdata({ data: { kind: "HTTPS", priority: 1, target: ".", params } })).toBe(`1 . ${expected}`);
});
