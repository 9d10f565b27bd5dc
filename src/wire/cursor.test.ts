import { expect, test } from "vitest";
import { Reader, Writer } from "./cursor.ts";

test("Reader reads numbers and strings in network order", () => {
  const reader = new Reader(Uint8Array.of(1, 2, 3, 0xff, 0xfe, 0xfd, 0xfc, 2, 7, 8, 9), 0, 0);
  expect([reader.uint8(), reader.uint16(), reader.uint32()]).toEqual([1, 0x0203, 0xfffefdfc]);
  expect(reader.string()).toEqual(Uint8Array.of(7, 8));
  expect(reader.rest()).toEqual(Uint8Array.of(9));
  expect(reader.rest()).toEqual(new Uint8Array());
});

test.each<(reader: Reader) => unknown>([
  (reader) => reader.uint16(),
  (reader) => reader.uint32(),
  (reader) => reader.take(2),
  (reader) => reader.string(),
])("Reader stops at the end of the message: %s", (read) => {
  expect(() => read(new Reader(Uint8Array.of(5), 0, 0))).toThrow(
    expect.objectContaining({ reason: "message-short" }),
  );
});

test("Reader keeps a record's data to its length", () => {
  const reader = () => new Reader(Uint8Array.of(1, 2, 3), 0, 0);
  expect(() => reader().rdata(1, () => 0)).toThrow(expect.objectContaining({ reason: "rdata-trailing" }));
  const short = reader();
  expect(() => short.rdata(1, () => short.uint16())).toThrow(
    expect.objectContaining({ reason: "rdata-short" }),
  );
  expect(() => reader().rdata(4, () => 0)).toThrow(expect.objectContaining({ reason: "rdlength" }));
});

test("Reader reads on after a record's data", () => {
  const reader = new Reader(Uint8Array.of(1, 2, 3), 0, 0);
  expect(reader.rdata(2, () => reader.uint16())).toBe(0x0102);
  expect(reader.uint8()).toBe(3);
});

test("Writer grows and writes what Reader reads", () => {
  const writer = new Writer();
  writer.octets(new Uint8Array(511).fill(9));
  writer.uint16(0x0102);
  writer.uint32(0xfffefdfc);
  writer.string(Uint8Array.of(7, 8));
  writer.rdata(() => writer.octets(new Uint8Array(2000)));
  const octets = writer.finish();
  expect([...octets.subarray(511, 522)]).toEqual([
    1,
    2,
    0xff,
    0xfe,
    0xfd,
    0xfc,
    2,
    7,
    8,
    2000 >> 8,
    2000 & 0xff,
  ]);
  expect(octets.length).toBe(522 + 2000);
});

test.each([-1, 256, 0.5, Number.NaN])("Writer refuses %d in an octet", (value) => {
  expect(() => new Writer().uint8(value)).toThrow(expect.objectContaining({ reason: "number" }));
});

test("Writer takes back what it is told to", () => {
  const writer = new Writer();
  writer.uint16(0x0102);
  writer.cut(1);
  writer.uint8(3);
  expect(writer.finish()).toEqual(Uint8Array.of(1, 3));
});
