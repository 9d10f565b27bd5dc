import { describe, expect, it } from "vitest";
import { fakeClock } from "./fake-clock.suite.ts";
import { pause } from "./pause.ts";

describe("pause", () => {
  it("ends when the time has come", async () => {
    const clock = fakeClock();
    const paused = pause(clock, 500, new AbortController().signal);
    clock.advance(500);
    await paused;
    expect(clock.waiting).toBe(0);
  });

  it("ends when the signal aborts, and does not begin after that", async () => {
    const clock = fakeClock();
    const stop = new AbortController();
    const paused = pause(clock, 500, stop.signal);
    stop.abort();
    await paused;
    await pause(clock, 500, stop.signal);
    expect(clock.waiting).toBe(0);
  });
});
