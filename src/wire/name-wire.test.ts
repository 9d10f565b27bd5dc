import fc from "fast-check";
import { expect, test } from "vitest";
import { arbitraryName } from "../../test/fuzz/arbitrary-message.ts";
import { NameOffsets, Reader, Writer } from "./cursor.ts";
import { readName, readUncompressedName, writeName } from "./name-wire.ts";

test("readName reads what writeName wrote, compressed or not", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(arbitraryName, fc.boolean()), { maxLength: 20 }), (names) => {
      const writer = new Writer(new NameOffsets());
      for (const [name, compress] of names) writeName(writer, name, compress);
      const reader = new Reader(writer.finish(), 0, 0);
      for (const [name] of names) expect(readName(reader)).toBe(name);
      expect(reader.offset).toBe(writer.length);
    }),
  );
});

test("every octet goes through a label", () => {
  for (let octet = 0; octet < 256; octet++) {
    const octets = Uint8Array.of(1, octet, 0);
    const name = readName(new Reader(octets, 0, 0));
    const writer = new Writer();
    writeName(writer, name, false);
    expect(writer.finish()).toEqual(octets);
  }
});

test("readName writes octets as a Name has them", () => {
  const octets = Uint8Array.of(8, 0x41, 0x2e, 0x5c, 0x20, 0x7f, 0xff, 0, 0x3b, 1, 0x62, 0);
  expect(readName(new Reader(octets, 0, 0))).toBe("A\\.\\\\\\032\\127\\255\\000;.b.");
  expect(readName(new Reader(Uint8Array.of(0), 0, 0))).toBe(".");
});

test("writeName points to the longest end that stands in the message", () => {
  const writer = new Writer(new NameOffsets());
  for (const name of ["web.shop.", "db.shop.", "x.db.shop.", "web.shop.", "."]) writeName(writer, name, true);
  expect(Buffer.from(writer.finish()).toString("hex")).toBe(
    "037765620473686f7000" + "026462c004" + "0178c00a" + "c000" + "00",
  );
});

test("readUncompressedName refuses a pointer, and reads a whole name", () => {
  const octets = Uint8Array.of(1, 0x61, 0, 1, 0x62, 0xc0, 0);
  const reader = new Reader(octets, 0, 0);
  expect(readUncompressedName(reader)).toBe("a.");
  expect(() => readUncompressedName(reader)).toThrow(
    expect.objectContaining({ reason: "pointer-forbidden" }),
  );
});
