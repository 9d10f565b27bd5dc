import { beforeEach, describe, expect, it } from "vitest";
import { fakeClock } from "./fake-clock.suite.ts";
import type { StreamConnection, StreamHooks } from "./stream-connection.ts";
import { type StreamPool, streamPool } from "./stream-pool.ts";

/** What a connection is to a pool. */
interface Fake {
  asked: number;
  answered: number;
  waiting: number;
  quiet: number;
  readonly hooks: StreamHooks;
}

describe("a pool of connections", () => {
  let made: Fake[];
  let clock: ReturnType<typeof fakeClock>;
  let pool: StreamPool;
  const never = new AbortController().signal;

  beforeEach(() => {
    made = [];
    clock = fakeClock();
    pool = streamPool({
      clock,
      connect(hooks) {
        const fake = { asked: 0, answered: 0, waiting: 0, quiet: 0, hooks };
        made.push(fake);
        return { ...fake, quietMs: () => fake.quiet, ask: never as never } as StreamConnection;
      },
    });
  });

  /** Puts a question on the one that is found; undefined if there is none. */
  function put(fresh = false): Fake | undefined {
    const found = pool.find(fresh) as Fake | undefined;
    if (found === undefined) return undefined;
    found.asked += 1;
    found.waiting += 1;
    return found;
  }

  /** It answers so many, and the other end closes it. */
  function serve(connection: Fake, answered: number): void {
    connection.answered = answered;
    connection.hooks.onEnd(connection.asked - answered);
  }

  it("is shared while few wait, and then grows to four", () => {
    for (let i = 0; i < 16; i++) put();
    expect(made).toHaveLength(1);
    for (let i = 0; i < 200; i++) put();
    expect(made).toHaveLength(4);
  });

  it("has another one for who asks anew where one is quiet", () => {
    put();
    made[0]!.quiet = 50;
    put(true);
    expect(made).toHaveLength(2);
    put(true);
    expect(made).toHaveLength(2);
  });

  it("puts no more on a connection than one was good for, and lets the others wait for their turn", async () => {
    const first = put()!;
    for (let i = 0; i < 9; i++) put();
    serve(first, 8);
    const found = Array.from({ length: 40 }, () => put());
    expect(found.filter((each) => each === undefined)).toHaveLength(8);
    expect(made).toHaveLength(1 + 4);
    let resumed = 0;
    for (let i = 0; i < 10; i++) void pool.turn(never).then(() => resumed++);
    const [second] = found;
    expect(second!.hooks.isSpent()).toBe(true);
    second!.answered = 8;
    second!.hooks.onEnd(0);
    await Promise.resolve();
    expect(resumed).toBe(8);
    expect(put()).toBeDefined();
  });

  it("forgets after a minute what a connection was good for", () => {
    const first = put()!;
    put();
    serve(first, 1);
    put();
    put();
    expect(made).toHaveLength(3);
    clock.advance(60_000);
    put();
    expect(made).toHaveLength(3);
  });

  it("learns nothing of one that answers nothing, or that is closed here", () => {
    const first = put()!;
    put();
    serve(first, 0);
    const second = put()!;
    put();
    second.answered = 1;
    second.hooks.onEnd(0);
    put();
    put();
    expect(made).toHaveLength(3);
  });

  it("lets nobody wait whose signal has aborted, and passes on the turn of one that does not take it", async () => {
    const first = put()!;
    put();
    serve(first, 1);
    while (put() !== undefined);
    const stop = new AbortController();
    const given = pool.turn(stop.signal);
    let resumed = false;
    void pool.turn(never).then(() => {
      resumed = true;
    });
    stop.abort(new Error("enough"));
    await expect(given).rejects.toThrow("enough");
    made[1]!.hooks.onEnd(0);
    await Promise.resolve();
    expect(resumed).toBe(true);
    let late = false;
    void pool.turn(never).then(() => {
      late = true;
    });
    pool.passOn();
    await Promise.resolve();
    expect(late).toBe(true);
  });
});
