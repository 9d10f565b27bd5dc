import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fakeClock } from "./fake-clock.suite.ts";
import { health } from "./health.ts";

const same = (key: string) => key;

describe("health", () => {
  it("knows nothing of a server that was never asked", () => {
    expect(health({ clock: fakeClock() }).of("a")).toEqual({
      state: "unknown",
      rttMs: undefined,
      failures: 0,
      since: undefined,
      lastFailure: undefined,
    });
  });

  it("keeps the given order among servers that are not down, however fast they are", () => {
    const known = health({ clock: fakeClock() });
    known.answered("a", 300);
    known.answered("c", 1);
    expect(known.order(["a", "b", "c"], same)).toEqual(["a", "b", "c"]);
  });

  it("puts a server that failed last, until a reply brings it back", () => {
    const clock = fakeClock(7);
    const known = health({ clock });
    known.failed("a", "refused the connection");
    expect(known.order(["a", "b"], same)).toEqual(["b", "a"]);
    expect(known.of("a")).toMatchObject({
      state: "down",
      failures: 1,
      since: 7,
      lastFailure: "refused the connection",
    });
    clock.advance(3);
    known.answered("a", 20);
    expect(known.order(["a", "b"], same)).toEqual(["a", "b"]);
    expect(known.of("a")).toMatchObject({ state: "up", failures: 0, since: 10, rttMs: 20 });
  });

  it("calls a new server down when first overtaken, a proven one at the second time in a row", () => {
    const known = health({ clock: fakeClock() });
    known.overtaken("new");
    expect(known.of("new").state).toBe("down");
    known.answered("old", 10);
    known.overtaken("old");
    expect(known.of("old").state).toBe("up");
    known.answered("old", 10);
    known.overtaken("old");
    known.overtaken("old");
    expect(known.of("old").state).toBe("down");
  });

  it("grants retries at growing gaps of 5 to 60 s, one claimant each", () => {
    const clock = fakeClock();
    const known = health({ clock });
    known.failed("a", "timed out");
    const gaps: number[] = [];
    for (let waited = 0; gaps.length < 6; ) {
      clock.advance(1000);
      waited += 1000;
      if (!known.claimRetry("a")) continue;
      expect(known.claimRetry("a")).toBe(false);
      known.failed("a", "timed out");
      gaps.push(waited);
      waited = 0;
    }
    expect(gaps).toEqual([5_000, 10_000, 20_000, 40_000, 60_000, 60_000]);
  });

  it("does not lengthen the gap because many queries fail together", () => {
    const clock = fakeClock();
    const known = health({ clock });
    for (let query = 0; query < 1000; query++) known.failed("a", "timed out");
    clock.advance(5_000);
    expect(known.claimRetry("a")).toBe(true);
  });

  it("starts again at the shortest gap after a reply", () => {
    const clock = fakeClock();
    const known = health({ clock });
    known.failed("a", "timed out");
    clock.advance(60_000);
    expect(known.claimRetry("a")).toBe(true);
    known.answered("a", 5);
    expect(known.claimRetry("a")).toBe(false);
    known.failed("a", "timed out");
    clock.advance(5_000);
    expect(known.claimRetry("a")).toBe(true);
  });

  it("waits 400 ms for a server it does not know, 100 ms for one that is down", () => {
    const known = health({ clock: fakeClock() });
    expect(known.patienceMs("a")).toBe(400);
    known.failed("a", "timed out");
    expect(known.patienceMs("a")).toBe(100);
  });

  it("follows the round-trip time, and waits between 100 ms and 1 s whatever it is", () => {
    const known = health({ clock: fakeClock() });
    for (let reply = 0; reply < 50; reply++) known.answered("a", 200);
    expect(known.patienceMs("a")).toBeCloseTo(200, 0);
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 4000, noNaN: true }), { minLength: 1 }), (rtts) => {
        for (const rtt of rtts) known.answered("b", rtt);
        expect(known.patienceMs("b")).toBeGreaterThanOrEqual(100);
        expect(known.patienceMs("b")).toBeLessThanOrEqual(1000);
      }),
    );
  });

  it("never loses or invents a server when ordering", () => {
    const known = health({ clock: fakeClock() });
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom("a", "b", "c", "d", "e")),
        fc.subarray(["a", "b", "c"]),
        (servers, dead) => {
          for (const key of dead) known.failed(key, "timed out");
          expect([...known.order(servers, same)].sort()).toEqual([...servers].sort());
          for (const key of dead) known.answered(key, 1);
        },
      ),
    );
  });

  it("forgets the oldest servers rather than grow for ever", () => {
    const known = health({ clock: fakeClock() });
    for (let server = 0; server <= 4096; server++) known.failed(`${server}`, "timed out");
    expect(known.of("0").state).toBe("unknown");
    expect(known.of("1").state).toBe("down");
  });
});
