import { describe, expect, it } from "vitest";
import { RrType } from "../wire/iana.ts";
import { fakeClock } from "./fake-clock.suite.ts";
import { silenceMemory, zoneOf } from "./silence.ts";

const { AAAA, HTTPS } = RrType;

describe("silenceMemory", () => {
  it("is of one server, zone and type", () => {
    const memory = silenceMemory({ clock: fakeClock() });
    memory.silent("a", "example.org.", AAAA);
    expect(memory.isSilent("a", "example.org.", AAAA)).toBe(true);
    expect(memory.isSilent("b", "example.org.", AAAA)).toBe(false);
    expect(memory.isSilent("a", "example.net.", AAAA)).toBe(false);
    expect(memory.isSilent("a", "example.org.", HTTPS)).toBe(false);
    expect(memory.list("a")).toEqual(["AAAA in example.org."]);
  });

  it("lasts ten minutes", () => {
    const clock = fakeClock();
    const memory = silenceMemory({ clock });
    memory.silent("a", "example.org.", AAAA);
    clock.advance(10 * 60_000 - 1);
    expect(memory.isSilent("a", "example.org.", AAAA)).toBe(true);
    clock.advance(1);
    expect(memory.isSilent("a", "example.org.", AAAA)).toBe(false);
    expect(memory.list("a")).toEqual([]);
  });

  it("is over with the first answer, and does not come back before its time", () => {
    const clock = fakeClock();
    const memory = silenceMemory({ clock });
    memory.silent("a", "example.org.", AAAA);
    memory.spoke("a", "example.org.", AAAA, 1500);
    memory.spoke("a", "example.org.", AAAA, 20);
    memory.silent("a", "example.org.", AAAA);
    expect(memory.isSilent("a", "example.org.", AAAA)).toBe(false);
    expect(memory.tookMs("a", "example.org.", AAAA)).toBe(1500);
    clock.advance(10 * 60_000);
    expect(memory.tookMs("a", "example.org.", AAAA)).toBeUndefined();
  });

  it("keeps nothing of what was never silent", () => {
    const memory = silenceMemory({ clock: fakeClock() });
    memory.spoke("a", "example.org.", AAAA, 1500);
    expect(memory.tookMs("a", "example.org.", AAAA)).toBeUndefined();
  });

  it("has one query listen at once, and another every five seconds", () => {
    const clock = fakeClock();
    const memory = silenceMemory({ clock });
    memory.silent("a", "example.org.", AAAA);
    const claim = () => memory.claimListening("a", "example.org.", AAAA);
    expect([claim(), claim()]).toEqual([true, false]);
    clock.advance(5_000);
    expect([claim(), claim()]).toEqual([true, false]);
  });

  it("forgets the oldest rather than grow for ever", () => {
    const memory = silenceMemory({ clock: fakeClock() });
    for (let zone = 0; zone <= 4096; zone++) memory.silent("a", `${zone}.example.`, AAAA);
    expect(memory.isSilent("a", "0.example.", AAAA)).toBe(false);
    expect(memory.isSilent("a", "1.example.", AAAA)).toBe(true);
    expect(memory.list("a")).toHaveLength(10);
  });
});

it.each([
  ["www.Example.org.", "example.org."],
  ["a.b.c.example.org.", "b.c.example.org."],
  ["example.org.", "example.org."],
  ["org.", "org."],
  [".", "."],
  ["a\\.b.c.org.", "c.org."],
])("the zone of %s is taken to be %s", (name, zone) => {
  expect(zoneOf(name)).toBe(zone);
});
