import { describe, expect, test } from "vitest";
import { pump } from "./pump.ts";
import { type RingWriter, ringMemory, ringReader, ringWriter } from "./ring.ts";

const nextTurn = () => new Promise<void>((resolve) => void setImmediate(resolve));

function put(writer: RingWriter, value: number): boolean {
  const offset = writer.reserve(1);
  expect(offset).not.toBe(-1);
  writer.octets[offset] = value;
  return writer.publish();
}

function fixture(count: number) {
  const memories = Array.from({ length: count }, () => ringMemory(2 ** 16));
  const writers = memories.map(ringWriter);
  const taken: number[] = [];
  const hooks = { onTake: (_: number) => {} };
  const pumped = pump(memories.map(ringReader), ({ octets }, offset, length) => {
    expect(length).toBe(1);
    taken.push(octets[offset]!);
    hooks.onTake(octets[offset]!);
  });
  return { writers, taken, pumped, hooks };
}

describe("pump", () => {
  test("takes some of each ring, lets others have their turn, and goes on by itself until there is nothing", async () => {
    const { writers, taken, pumped } = fixture(2);
    for (let i = 0; i < 1000; i++) for (const [which, writer] of writers.entries()) put(writer, which);
    pumped.woken();
    const first = taken.length;
    expect(first).toBeLessThan(1000);
    expect(taken.filter((which) => which === 0)).toHaveLength(first / 2);
    let turns = 0;
    while (taken.length < 2000 && turns < 100) {
      const before = taken.length;
      await nextTurn();
      turns += 1;
      expect(taken.length - before).toBeLessThanOrEqual(first);
    }
    expect([taken.length, turns > 1]).toEqual([2000, true]);
  });

  test("a wake-up is never lost: what comes at any moment is taken, if its writer wakes when told to", async () => {
    const { writers, taken, pumped, hooks } = fixture(1);
    const writer = writers[0]!;
    let left = 5000;
    let wakes = 0;
    const write = () => {
      left -= 1;
      if (!put(writer, 1)) return;
      wakes += 1;
      // As a message from another thread comes: later.
      setImmediate(() => pumped.woken());
    };
    // Half of the messages come while others are taken.
    hooks.onTake = () => {
      if (left > 0 && Math.random() < 0.5) write();
    };
    while (left > 0) {
      write();
      if (Math.random() < 0.3) await nextTurn();
    }
    const sent = 5000 - left;
    for (let turn = 0; turn < 100 && taken.length < sent; turn++) await nextTurn();
    expect(taken.length).toBe(sent);
    expect(wakes).toBeLessThan(sent);
  });

  test("what came between the last look and the sleep is taken", async () => {
    const memory = ringMemory(1024);
    const writer = ringWriter(memory);
    const reader = ringReader(memory);
    const taken: number[] = [];
    let late = 0;
    const slow = {
      ...reader,
      sleep() {
        // It comes before the reader said that it wants to be woken, and so wakes nobody.
        if (late++ === 0) expect(put(writer, 9)).toBe(false);
        reader.sleep();
      },
    };
    const pumped = pump([slow], ({ octets }, offset) => taken.push(octets[offset]!));
    put(writer, 1);
    pumped.woken();
    await nextTurn();
    expect(taken).toEqual([1, 9]);
    expect(put(writer, 2)).toBe(true);
  });

  test("drain takes all that there is, lets others have their turn, and does not wait for what comes meanwhile", async () => {
    const { writers, taken, pumped, hooks } = fixture(3);
    for (let i = 0; i < 3000; i++) put(writers[i % 3]!, i % 3);
    // A flood: for each message that is taken another one comes.
    hooks.onTake = (which) => void put(writers[which]!, which);
    const drained = pumped.drain();
    expect(taken.length).toBeLessThan(1000);
    await drained;
    expect(taken.length).toBeGreaterThanOrEqual(3000);
    expect(taken.length).toBeLessThan(6000);
    hooks.onTake = () => {};
  });

  test("drain knows where it ends when positions pass 2 ** 32", async () => {
    const memory = ringMemory(2 ** 16);
    new Uint32Array(memory).fill(2 ** 32 - 800, 0, 2);
    const writer = ringWriter(memory);
    const taken: number[] = [];
    const pumped = pump([ringReader(memory)], ({ octets }, offset) => taken.push(octets[offset]!));
    for (let i = 0; i < 100; i++) put(writer, 1);
    await pumped.drain();
    expect(taken).toHaveLength(100);
  });
});
