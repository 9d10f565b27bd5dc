import { describe, expect, it } from "vitest";
import { RrType } from "../wire/iana.ts";
import { fakeClock } from "./fake-clock.suite.ts";
import { silenceMemory, zoneOf } from "./silence.ts";

const { AAAA, HTTPS } = RrType;

describe("silenceMemory", () => {
  const names = ["www.example.org.", "api.example.org.", "cdn.example.org."] as const;
  /** What makes a zone pass for silent. */
  function silentZone(clock = fakeClock()) {
    const memory = silenceMemory({ clock });
    for (const name of names) memory.silent("a", name, AAAA);
    return memory;
  }

  it("is of one server, name and type", () => {
    const memory = silenceMemory({ clock: fakeClock() });
    memory.silent("a", "www.Example.org.", AAAA);
    expect(memory.of("a", "WWW.example.org.", AAAA)).toBe("name");
    expect(memory.of("b", "www.example.org.", AAAA)).toBeUndefined();
    expect(memory.of("a", "api.example.org.", AAAA)).toBeUndefined();
    expect(memory.of("a", "www.example.org.", HTTPS)).toBeUndefined();
    expect(memory.list("a")).toEqual(["AAAA of www.example.org."]);
  });

  it("is of a zone once three names of it were silent", () => {
    const memory = silentZone();
    expect(memory.of("a", names[0], AAAA)).toBe("name");
    expect(memory.of("a", "new.example.org.", AAAA)).toBe("zone");
    expect(memory.of("b", "new.example.org.", AAAA)).toBeUndefined();
    expect(memory.of("a", "new.example.net.", AAAA)).toBeUndefined();
    expect(memory.of("a", "new.example.org.", HTTPS)).toBeUndefined();
    expect(memory.list("a")).toEqual(["AAAA in example.org."]);
  });

  it("is not of a zone because one name of it is silent time and again", () => {
    const memory = silenceMemory({ clock: fakeClock() });
    for (let time = 0; time < 5; time++) memory.silent("a", "www.example.org.", AAAA);
    expect(memory.of("a", "new.example.org.", AAAA)).toBeUndefined();
  });

  it("is not of a zone where another name was answered, before or after", () => {
    const memory = silenceMemory({ clock: fakeClock() });
    memory.silent("a", "bad.co.uk.", AAAA);
    memory.spoke("a", "good.co.uk.", AAAA, 20);
    memory.silent("a", "bad2.co.uk.", AAAA);
    memory.silent("a", "bad3.co.uk.", AAAA);
    expect(memory.of("a", "new.co.uk.", AAAA)).toBeUndefined();
    const other = silentZone();
    other.spoke("a", "new.example.org.", AAAA, 20);
    expect(other.of("a", "new2.example.org.", AAAA)).toBeUndefined();
    expect(other.of("a", names[0], AAAA)).toBe("name");
  });

  it("forgets who had little time, when the zone turns out not to be silent", () => {
    const memory = silentZone();
    memory.silent("a", "hasty.example.org.", AAAA);
    expect(memory.of("a", "hasty.example.org.", AAAA)).toBe("name");
    memory.spoke("a", "new.example.org.", AAAA, 900);
    expect(memory.of("a", "hasty.example.org.", AAAA)).toBeUndefined();
    expect(memory.list("a")).toEqual(names.map((name) => `AAAA of ${name}`));
  });

  it("remembers how long one took that had little time", () => {
    const memory = silentZone();
    memory.silent("a", "hasty.example.org.", AAAA);
    memory.spoke("a", "hasty.example.org.", AAAA, 900);
    expect(memory.of("a", "hasty.example.org.", AAAA)).toBeUndefined();
    expect(memory.tookMs("a", "hasty.example.org.", AAAA)).toBe(900);
  });

  it("lasts ten minutes", () => {
    const clock = fakeClock();
    const memory = silentZone(clock);
    clock.advance(10 * 60_000 - 1);
    expect(memory.of("a", names[0], AAAA)).toBe("name");
    expect(memory.of("a", "new.example.org.", AAAA)).toBe("zone");
    clock.advance(1);
    expect(memory.of("a", names[0], AAAA)).toBeUndefined();
    expect(memory.of("a", "new.example.org.", AAAA)).toBeUndefined();
    expect(memory.list("a")).toEqual([]);
  });

  it("is over for a name with its first answer, and does not come back before its time", () => {
    const clock = fakeClock();
    const memory = silenceMemory({ clock });
    memory.silent("a", names[0], AAAA);
    memory.spoke("a", names[0], AAAA, 1500);
    memory.spoke("a", names[0], AAAA, 20);
    memory.silent("a", names[0], AAAA);
    expect(memory.of("a", names[0], AAAA)).toBeUndefined();
    expect(memory.tookMs("a", names[0], AAAA)).toBe(1500);
    clock.advance(10 * 60_000);
    expect(memory.tookMs("a", names[0], AAAA)).toBeUndefined();
  });

  it("keeps nothing of what was never silent", () => {
    const memory = silenceMemory({ clock: fakeClock() });
    memory.spoke("a", names[0], AAAA, 1500);
    expect(memory.tookMs("a", names[0], AAAA)).toBeUndefined();
  });

  it("has one query of each name listen at once, and another every second", () => {
    const clock = fakeClock();
    const memory = silentZone(clock);
    const claim = (name: string) => memory.claimListening("a", name, AAAA);
    expect([claim(names[0]), claim(names[0]), claim(names[1])]).toEqual([true, false, true]);
    clock.advance(1_000);
    expect([claim(names[0]), claim(names[0])]).toEqual([true, false]);
  });

  it("forgets the oldest rather than grow for ever", () => {
    const memory = silenceMemory({ clock: fakeClock() });
    for (let zone = 0; zone <= 4096; zone++) memory.silent("a", `www.${zone}.example.`, AAAA);
    expect(memory.of("a", "www.0.example.", AAAA)).toBeUndefined();
    expect(memory.of("a", "www.1.example.", AAAA)).toBe("name");
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
