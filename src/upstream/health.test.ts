import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fakeClock } from "./fake-clock.suite.ts";
import { health } from "./health.ts";

describe("health", () => {
  it("knows nothing of a server that was never asked", () => {
    expect(health({ clock: fakeClock() }).of("a")).toEqual({
      state: "unknown",
      rttMs: undefined,
      srttMs: undefined,
      rttvarMs: undefined,
      failures: 0,
      since: undefined,
      lastFailure: undefined,
    });
  });

  it("calls a server down that failed, until a reply brings it back", () => {
    const clock = fakeClock(7);
    const known = health({ clock });
    known.failed("a", "refused the connection");
    expect(known.of("a")).toMatchObject({
      state: "down",
      failures: 1,
      since: 7,
      lastFailure: "refused the connection",
    });
    clock.advance(3);
    known.answered("a", 20);
    expect(known.of("a")).toMatchObject({ state: "up", failures: 0, since: 10, rttMs: 20, srttMs: 20 });
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

  it("grants retries at gaps growing from 1 to 60 s, one claimant each", () => {
    const clock = fakeClock();
    const known = health({ clock, random: () => 0.5 });
    known.failed("a", "timed out");
    const gaps: number[] = [];
    for (let waited = 0; gaps.length < 8; ) {
      clock.advance(1000);
      waited += 1000;
      if (!known.claimRetry("a")) continue;
      expect(known.claimRetry("a")).toBe(false);
      known.failed("a", "timed out");
      gaps.push(waited);
      waited = 0;
    }
    expect(gaps).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  });

  it("strays by a quarter from each gap, so that daemons do not retry together", () => {
    for (const [drawn, atMs] of [
      [0, 750],
      [0.5, 1000],
      [0.999, 1250],
    ] as const) {
      const clock = fakeClock();
      const known = health({ clock, random: () => drawn });
      known.failed("a", "timed out");
      clock.advance(atMs - 1);
      expect(known.claimRetry("a")).toBe(false);
      clock.advance(1);
      expect(known.claimRetry("a")).toBe(true);
    }
  });

  it("has one who is not asked measured at once, and again every half minute", () => {
    const clock = fakeClock();
    const known = health({ clock });
    expect([known.claimMeasuring("a"), known.claimMeasuring("a")]).toEqual([true, false]);
    clock.advance(20_000);
    known.answered("a", 5);
    clock.advance(29_999);
    expect(known.claimMeasuring("a")).toBe(false);
    clock.advance(1);
    expect(known.claimMeasuring("a")).toBe(true);
    known.failed("a", "timed out");
    clock.advance(60_000);
    expect(known.claimMeasuring("a")).toBe(false);
  });

  it("does not lengthen the gap because many queries fail together", () => {
    const clock = fakeClock();
    const known = health({ clock });
    for (let query = 0; query < 1000; query++) known.failed("a", "timed out");
    clock.advance(1_250);
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
    clock.advance(1_250);
    expect(known.claimRetry("a")).toBe(true);
  });

  it("waits 300 ms for a server it does not know, 100 ms for one that is down", () => {
    const known = health({ clock: fakeClock() });
    expect([known.usualMs("a"), known.overdueMs("a")]).toEqual([300, 300]);
    known.failed("a", "timed out");
    expect([known.usualMs("a"), known.overdueMs("a")]).toEqual([100, 100]);
  });

  it("follows the round-trip time as TCP does, within bounds", () => {
    const known = health({ clock: fakeClock() });
    known.answered("first", 80);
    expect(known.of("first")).toMatchObject({ srttMs: 80, rttvarMs: 40 });
    known.answered("first", 160);
    expect(known.of("first")).toMatchObject({ rttMs: 160, srttMs: 90, rttvarMs: 50 });
    expect(known.usualMs("first")).toBe(290);
    for (let reply = 0; reply < 50; reply++) known.answered("a", 200);
    expect(known.usualMs("a")).toBeCloseTo(200, 0);
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 4000, noNaN: true }), { minLength: 1 }), (rtts) => {
        for (const rtt of rtts) known.answered("b", rtt);
        expect(known.usualMs("b")).toBeGreaterThanOrEqual(100);
        expect(known.overdueMs("b")).toBeGreaterThanOrEqual(Math.max(300, known.usualMs("b")));
        expect(known.overdueMs("b")).toBeLessThanOrEqual(700);
      }),
    );
  });

  it("forgets the oldest servers rather than grow for ever", () => {
    const known = health({ clock: fakeClock() });
    for (let server = 0; server <= 4096; server++) known.failed(`${server}`, "timed out");
    expect(known.of("0").state).toBe("unknown");
    expect(known.of("1").state).toBe("down");
  });
});
