import { describe, expect, test } from "vitest";
import { onAbort } from "../base/on-abort.ts";
import { hostDialer } from "../upstream/dialer.ts";
import { CutOff, type ExchangeCall } from "../upstream/exchange.ts";
import { fakeClock } from "../upstream/fake-clock.suite.ts";
import { RrType } from "../wire/iana.ts";
import type { Message } from "../wire/message.ts";
import { asker, TRY_MS } from "./ask.ts";

const server = { address: "10.0.0.1", port: 53 };
const inquiry = { dialer: hostDialer, server, name: "web.", type: RrType.A };

/** What the nth try over the network does, after so long; a try that is not told of is never answered. */
type Try = { readonly afterMs: number; readonly gives: Message | Error };

function setUp(...tries: readonly Try[]) {
  const clock = fakeClock();
  const leaving = new AbortController();
  const calls: (ExchangeCall & { readonly at: number })[] = [];
  const ask = asker({
    clock,
    signal: leaving.signal,
    exchange: (call) => {
      const planned = tries[calls.length];
      calls.push({ ...call, at: clock.now() });
      return new Promise((resolve, reject) => {
        onAbort(call.signal, () => reject(call.signal.reason));
        if (planned === undefined) return;
        const { afterMs, gives } = planned;
        clock.after(afterMs, () => (gives instanceof Error ? reject(gives) : resolve(gives)));
      });
    },
  });
  /** In steps, between which promises are settled. */
  async function pass(ms: number): Promise<void> {
    for (let passed = 0; passed < ms; passed += 100) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      clock.advance(100);
    }
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  return { clock, ask, calls, pass, leaving };
}

const reply = { answers: [] } as unknown as Message;
const refused = Object.assign(new Error("connect ECONNREFUSED"), { code: "ECONNREFUSED" });

describe("a question of a check", () => {
  test("goes out once where it is answered at once", async () => {
    const { ask, calls, pass, clock } = setUp({ afterMs: 100, gives: reply });
    const answer = ask(inquiry);
    await pass(2 * TRY_MS);
    expect(await answer).toEqual({ message: reply, ms: 100 });
    expect(calls).toHaveLength(1);
    expect(clock.waiting).toBe(0);
  });

  test("is asked again after a silence, and the reply to the first try still counts", async () => {
    const { ask, calls, pass, clock } = setUp({ afterMs: TRY_MS + 200, gives: reply });
    const answer = ask(inquiry);
    await pass(2 * TRY_MS);
    expect(await answer).toEqual({ message: reply, ms: TRY_MS + 200 });
    expect(calls.map(({ at }) => at)).toEqual([0, TRY_MS]);
    // Nobody listens to the other any longer.
    expect(calls[1]?.signal.aborted).toBe(true);
    expect(clock.waiting).toBe(0);
  });

  test("is given up after the time of two tries", async () => {
    const { ask, calls, pass } = setUp();
    const answer = ask(inquiry);
    await pass(2 * TRY_MS);
    expect(await answer).toEqual({
      message: undefined,
      ms: 2 * TRY_MS,
      why: `no answer within ${2 * TRY_MS} ms`,
    });
    expect(calls).toHaveLength(2);
  });

  test("is asked again at once after a failure", async () => {
    const { ask, calls, pass } = setUp({ afterMs: 100, gives: refused }, { afterMs: 100, gives: refused });
    const answer = ask(inquiry);
    await pass(300);
    expect(await answer).toEqual({ message: undefined, ms: 200, why: "it refused the connection" });
    expect(calls.map(({ at }) => at)).toEqual([0, 100]);
  });

  test("goes over TCP to the port for that where the reply was cut off", async () => {
    const cutOff = new CutOff("its answer was cut off", { cause: refused });
    const { ask, calls, pass } = setUp({ afterMs: 100, gives: cutOff }, { afterMs: 100, gives: reply });
    const answer = ask({ ...inquiry, tcpPort: 5300 });
    await pass(300);
    expect(await answer).toEqual({ message: reply, ms: 200 });
    expect(calls[1]).toMatchObject({ overTcp: true, server: { port: 5300 } });
  });

  test("ends with the run, whose reason it has, and is not begun after it", async () => {
    const { ask, calls, leaving } = setUp();
    const answer = ask(inquiry);
    leaving.abort(new Error("the doctor's 9 s were over"));
    expect(await answer).toMatchObject({ message: undefined, why: "the doctor's 9 s were over" });
    expect(calls).toHaveLength(1);
    expect(await ask(inquiry)).toMatchObject({ message: undefined });
    expect(calls).toHaveLength(1);
  });
});
