import { expect, test } from "vitest";
import { Reader, Writer } from "./cursor.ts";
import { readRdata, writeRdata } from "./rdata.ts";

/** A message's beginning with the name `a.` at 12, and data after it. */
function read(type: number, rrclass: number, hex: string) {
  const data = Buffer.from(hex, "hex");
  const octets = Uint8Array.from([...new Uint8Array(12), 1, 0x61, 0, ...data]);
  return readRdata(new Reader(octets, 15, 12), type, rrclass, data.length);
}

const hexOf = (octets: Uint8Array) => Buffer.from(octets).toString("hex");

test.each([
  ["MD", 3, "c00c", "016100"],
  ["MF", 4, "c00c", "016100"],
  ["MB", 7, "c00c", "016100"],
  ["MG", 8, "c00c", "016100"],
  ["MR", 9, "c00c", "016100"],
  ["MINFO", 14, "c00cc00c", "016100016100"],
  ["RP", 17, "c00cc00c", "016100016100"],
  ["AFSDB", 18, "0001c00c", "0001016100"],
  ["RT", 21, "0001c00c", "0001016100"],
  ["SIG", 24, `${"11".repeat(18)}c00cabcd`, `${"11".repeat(18)}016100abcd`],
  ["PX", 26, "0001c00cc00c", "0001016100016100"],
  ["NXT", 30, "c00c4000", "0161004000"],
])("the names of an old type, %s, are made whole", (_, type, hex, expected) => {
  const data = read(type, 1, hex);
  expect(data.kind === "unknown" && hexOf(data.octets)).toBe(expected);
});

test("octets of types without a shape stay as they are, even if they look like a pointer", () => {
  expect(read(43, 1, "c00c")).toEqual({ kind: "unknown", octets: Uint8Array.of(0xc0, 0x0c) });
});

test.each([2, 5, 12, 39])("the target of type %i is read when it is compressed", (type) => {
  expect(read(type, 1, "0162c00c")).toMatchObject({ target: "b.a." });
});

test("octets with trailing ones are refused for a layout without a rest", () => {
  expect(() => read(5, 1, "c00c00")).toThrow(expect.objectContaining({ reason: "rdata-trailing" }));
});

test("writeRdata compresses nothing, not even within the data, where the writer keeps no names", () => {
  const soa = {
    kind: "SOA",
    mname: "a.",
    rname: "a.",
    serial: 1,
    refresh: 2,
    retry: 3,
    expire: 4,
    minimum: 5,
  } as const;
  const writer = new Writer();
  writeRdata(writer, 6, 1, soa);
  expect(writer.finish().length).toBe(2 + 3 + 3 + 20);
});

test("writeRdata writes octets for a type whatever its shape", () => {
  const writer = new Writer();
  writeRdata(writer, 1, 1, { kind: "unknown", octets: Uint8Array.of(1) });
  expect(writer.finish()).toEqual(Uint8Array.of(0, 1, 1));
});
