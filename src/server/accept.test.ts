import { describe, expect, test } from "vitest";
import { accept, bareResponse } from "./accept.ts";

/** A header with these flags and counts. */
function header(flags: number, ...counts: number[]): Uint8Array {
  const octets = new Uint8Array(12);
  const view = new DataView(octets.buffer);
  view.setUint16(0, 0xabcd);
  view.setUint16(2, flags);
  counts.forEach((count, index) => {
    view.setUint16(4 + 2 * index, count);
  });
  return octets;
}

const FORMERR = { rcode: 1 };
const NOTIMP = { rcode: 4 };

describe("accept", () => {
  test.each([
    ["a plain query", header(0x0100, 1), "accept"],
    ["a query with OPT and TSIG", header(0x0100, 1, 0, 0, 2), "accept"],
    ["an empty datagram", new Uint8Array(0), "ignore"],
    ["eleven octets", new Uint8Array(11), "ignore"],
    ["a response", header(0x8180, 1), "ignore"],
    ["a response with an opcode nobody has", header(0xf800, 1), "ignore"],
    ["NOTIFY", header(4 << 11, 1), NOTIMP],
    ["UPDATE", header(5 << 11, 1), NOTIMP],
    ["no question", header(0x0100, 0), FORMERR],
    ["two questions", header(0x0100, 2), FORMERR],
    ["65,535 questions", header(0x0100, 65_535), FORMERR],
    ["two answers in a query", header(0x0100, 1, 2), FORMERR],
    ["two authority records in a query", header(0x0100, 1, 0, 2), FORMERR],
    ["three additional records", header(0x0100, 1, 0, 0, 3), FORMERR],
  ])("decides about %s", (_, octets, verdict) => {
    expect(accept(octets)).toEqual(verdict);
  });

  test("a bare response keeps id, opcode and RD, and nothing else; to a query it has RA", () => {
    const response = bareResponse(header(0x2110 | 0x0200, 1, 1, 1, 1), 4);
    expect([...response]).toEqual([0xab, 0xcd, 0xa1, 0x04, 0, 0, 0, 0, 0, 0, 0, 0]);
    expect(bareResponse(header(0x0100, 1, 0, 0, 0), 2)[3]).toBe(0x82);
  });
});
