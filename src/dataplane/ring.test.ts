import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ringMemory, ringReader, ringWriter } from "./ring.ts";

const OCTETS = 512;

/** A ring, empty, whose positions are so many octets before the end of 32 bits. */
function ring(before: number) {
  const memory = ringMemory(OCTETS);
  const positions = new Uint32Array(memory, 0, 2);
  positions.fill(2 ** 32 - before);
  return { memory, writer: ringWriter(memory), reader: ringReader(memory) };
}

const steps = fc.array(
  fc.oneof(
    fc.record({ do: fc.constant("write" as const), length: fc.oneof(fc.nat(60), fc.nat(OCTETS + 20)) }),
    fc.record({
      do: fc.constantFrom("read" as const, "sleep" as const, "reserve" as const),
      length: fc.nat(60),
    }),
  ),
  { maxLength: 100 },
);

describe("ring", () => {
  test("gives every message whole and in order, whatever its length and wherever positions are", () => {
    fc.assert(
      fc.property(
        steps,
        fc.nat((2 * OCTETS) / 8).map((n) => 8 * n),
        (all, before) => {
          const { memory, writer, reader } = ring(before);
          const waiting: Uint8Array[] = [];
          const [WRITTEN, READ] = [0, 1];
          const positions = new Uint32Array(memory);
          let isAsleep = true;
          let number = 0;
          for (const step of all) {
            if (step.do === "sleep") {
              reader.sleep();
              isAsleep = true;
            } else if (step.do === "read") {
              const message = reader.next();
              expect(message && reader.octets.slice(message.offset, message.offset + message.length)).toEqual(
                waiting.shift(),
              );
              if (message !== undefined) reader.release();
            } else {
              const offset = writer.reserve(step.length);
              const used = (positions[WRITTEN]! - positions[READ]!) >>> 0;
              // What can't be put before the end is put at the beginning, and so needs room twice at most.
              if (offset === -1) expect(used + 2 * (step.length + 16)).toBeGreaterThan(OCTETS);
              expect(used).toBeLessThanOrEqual(OCTETS);
              if (offset === -1) continue;
              expect([offset % 8, offset + step.length <= OCTETS]).toEqual([0, true]);
              number += 1;
              const octets = Uint8Array.from({ length: step.length }, (_, i) => number * 31 + i);
              writer.octets.set(octets, offset);
              // What is reserved and never handed over is as if it had not been.
              if (step.do === "reserve") continue;
              expect(writer.publish()).toBe(isAsleep);
              isAsleep = false;
              waiting.push(octets);
            }
          }
          for (const octets of waiting) {
            const { offset, length } = reader.next()!;
            expect(reader.octets.slice(offset, offset + length)).toEqual(octets);
            reader.release();
          }
          expect(reader.next()).toBeUndefined();
          // A writer that begins anew goes on where the last one was.
          const next = ringWriter(memory);
          const offset = next.reserve(3);
          next.octets.set([1, 2, 3], offset);
          next.publish();
          expect(reader.next()).toEqual({ offset, length: 3 });
        },
      ),
      { numRuns: 1000 },
    );
  });

  test("takes messages until it is full, and again as soon as one was read", () => {
    const { writer, reader } = ring(0);
    let count = 0;
    while (writer.reserve(24) !== -1) {
      writer.publish();
      count += 1;
    }
    expect(count).toBe(OCTETS / 32);
    reader.next();
    expect(writer.reserve(24)).toBe(-1);
    reader.release();
    expect(writer.reserve(24)).not.toBe(-1);
  });

  test("the first message wakes, and then each that follows a sleep", () => {
    const { writer, reader } = ring(64);
    const write = () => {
      writer.reserve(8);
      return writer.publish();
    };
    expect([write(), write()]).toEqual([true, false]);
    reader.sleep();
    expect([write(), write()]).toEqual([true, false]);
  });
});
