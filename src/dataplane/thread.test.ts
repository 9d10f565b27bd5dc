import { describe, expect, test } from "vitest";
import type { Clock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { Control, type PlaneMemory, type WorkerMemory } from "./memory.ts";
import { quiescence } from "./quiescence.ts";
import { DOUBTFUL, HUNG, PROBE_MS, thread } from "./thread.ts";

const PROGRAM = new URL("../../test/support/plane-worker.mjs", import.meta.url);
const [BELL, ORDER] = [0, 1];
const Order = { WORK: 0, HANG: 1, EXIT: 2, THROW: 3, NOT_BEGIN: 4 } as const;

/** A clock whose timers go off when the test says so, each once. */
function handClock(): Clock & { fire(): void } {
  const timers = new Set<{ readonly call: () => void }>();
  return {
    wall: () => 0,
    now: () => 0,
    after(_, call) {
      const timer = { call };
      timers.add(timer);
      return () => timers.delete(timer);
    },
    fire() {
      for (const timer of [...timers]) if (timers.delete(timer)) timer.call();
    },
  };
}

const nextTurn = () => new Promise<void>((resolve) => void setImmediate(resolve));

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await nextTurn();
}

/** A thread that runs the stand-in, and what it does. */
function watched(first: number = Order.WORK, program = PROGRAM) {
  const orders = new Int32Array(new SharedArrayBuffer(8));
  const control = new Int32Array(new SharedArrayBuffer(4 * Control.WORDS));
  const clock = handClock();
  const ring = (word: number) => {
    Atomics.add(orders, word, word === BELL ? 1 : 0);
    Atomics.notify(orders, word);
  };
  const order = (what: number) => {
    Atomics.store(orders, ORDER, what);
    ring(ORDER);
  };
  order(first);
  let woken = 0;
  const watchedThread = thread({
    program,
    plane: { orders: orders.buffer } as unknown as PlaneMemory,
    own: { control: control.buffer } as unknown as WorkerMemory,
    wake: () => ring(BELL),
    woken: () => {
      woken += 1;
    },
    clock,
    log: silentLog,
  });
  const epoch = () => Atomics.load(control, Control.EPOCH);
  /** One probe, and waits for what it makes the worker do. */
  async function probe(): Promise<void> {
    const before = epoch();
    clock.fire();
    await until(() => epoch() !== before && (epoch() & 1) === 0);
  }
  /** Makes the worker do it, and waits until it has begun to. */
  async function make(what: number): Promise<void> {
    const before = epoch();
    order(what);
    clock.fire();
    await until(() => epoch() !== before);
    // The probe that finds that it had counted up.
    if (what === Order.HANG) clock.fire();
  }
  const probes = (count: number) => {
    for (let i = 0; i < count; i++) clock.fire();
  };
  const quiet = quiescence([control]);
  return { thread: watchedThread, clock, order, probe, probes, make, epoch, quiet, woken: () => woken };
}

/** Closes it, whatever it does; resolves when that has ended. */
async function close(of: Pick<ReturnType<typeof watched>, "thread" | "clock">): Promise<void> {
  let isClosed = false;
  const closed = of.thread.close().then(() => {
    isClosed = true;
  });
  while (!isClosed) {
    of.clock.fire();
    await nextTurn();
  }
  await closed;
}

describe("a thread of the data plane", () => {
  test("that answers its probes is alive, and goes on", async () => {
    const one = watched();
    await one.thread.started;
    for (let i = 0; i < 3 * HUNG; i++) {
      await one.probe();
      expect(one.thread.isAlive).toBe(true);
    }
    expect([one.thread.restarts, one.woken()]).toEqual([0, 1]);
    await close(one);
  });

  test("that hangs is doubted, then started anew, and is alive again when the new one answers", async () => {
    const one = watched();
    await one.thread.started;
    await one.probe();
    const mark = one.quiet.mark();
    await one.make(Order.HANG);
    const working = one.quiet.mark();
    one.probes(DOUBTFUL - 1);
    expect(one.thread.isAlive).toBe(true);
    one.probes(1);
    expect(one.thread.isAlive).toBe(false);
    one.order(Order.NOT_BEGIN);
    expect([one.quiet.hasPassed(mark), one.quiet.hasPassed(working)]).toEqual([true, false]);
    one.probes(HUNG - DOUBTFUL);
    await until(() => one.thread.restarts === 1);
    // It looks at nothing any more, but nobody answers yet.
    expect(one.quiet.hasPassed(working)).toBe(true);
    for (let i = 0; i < 3 * HUNG; i++) {
      one.probes(1);
      expect(one.thread.isAlive).toBe(false);
    }
    one.order(Order.WORK);
    const before = one.epoch();
    await until(() => one.epoch() !== before && (one.epoch() & 1) === 0);
    await one.probe();
    expect([one.thread.isAlive, one.thread.restarts]).toEqual([true, 1]);
    await close(one);
  });

  test.each([
    ["ends", Order.EXIT],
    ["fails", Order.THROW],
  ])("that %s is started anew, as often as it does", async (_, order) => {
    const one = watched();
    await one.thread.started;
    for (let time = 1; time <= 3; time++) {
      await one.probe();
      await one.probe();
      expect(one.thread.isAlive).toBe(true);
      await one.make(order);
      await until(() => one.thread.restarts === time);
      expect(one.thread.isAlive).toBe(false);
      one.order(Order.WORK);
    }
    await one.probe();
    await one.probe();
    expect(one.thread.isAlive).toBe(true);
    await close(one);
  });

  test("for which there is no room when it is started anew is tried until there is", async () => {
    const program = new URL(PROGRAM);
    const one = watched(Order.WORK, program);
    await one.thread.started;
    // Thrown before there is a thread, as without memory or process numbers for one.
    program.href = "http://nowhere.example/";
    await one.make(Order.EXIT);
    await until(() => one.thread.restarts === 1);
    one.probes(3);
    expect([one.thread.isAlive, one.thread.restarts]).toEqual([false, 4]);
    program.href = PROGRAM.href;
    one.order(Order.WORK);
    await one.probe();
    await one.probe();
    expect([one.thread.isAlive, one.thread.restarts]).toEqual([true, 4]);
    await close(one);
  });

  test("that takes long to begin is not relied on, but neither ended for it", async () => {
    const one = watched(Order.NOT_BEGIN);
    one.probes(DOUBTFUL);
    expect(one.thread.isAlive).toBe(false);
    for (let i = 0; i < 3 * HUNG; i++) {
      one.probes(1);
      await nextTurn();
    }
    one.order(Order.WORK);
    await until(() => one.epoch() > 0 || one.thread.restarts > 0);
    await one.probe();
    expect([one.thread.isAlive, one.thread.restarts]).toEqual([true, 0]);
    await close(one);
  });

  test.each([
    ["works", Order.WORK],
    ["hangs", Order.HANG],
    ["has ended", Order.EXIT],
    ["has failed", Order.THROW],
  ])("can be closed while it %s, and leaves nothing in sight of a worker", async (_, order) => {
    const one = watched();
    await one.thread.started;
    await one.probe();
    await one.make(order);
    if (order === Order.EXIT || order === Order.THROW) await until(() => one.thread.restarts === 1);
    const working = one.quiet.mark();
    await close(one);
    expect([one.quiet.hasPassed(working), one.quiet.hasPassed(one.quiet.mark())]).toEqual([true, true]);
    const { restarts } = one.thread;
    for (let i = 0; i < 3; i++) {
      one.probes(HUNG);
      await nextTurn();
    }
    expect(one.thread.restarts).toBe(restarts);
  });

  test("that never begins is started ever less often", async () => {
    const gaps: number[] = [];
    const soon: Clock = {
      wall: () => 0,
      now: () => 0,
      after(ms, call) {
        if (ms !== PROBE_MS) gaps.push(ms);
        const timer = setImmediate(call);
        return () => clearImmediate(timer);
      },
    };
    const one = thread({
      program: new URL("data:text/javascript,throw new Error('something is missing')"),
      plane: {} as PlaneMemory,
      own: { control: new SharedArrayBuffer(4 * Control.WORDS) } as unknown as WorkerMemory,
      wake() {},
      woken() {},
      clock: soon,
      log: silentLog,
    });
    await until(() => gaps.length === 9);
    await one.close();
    expect(gaps.slice(0, 9)).toEqual([200, 400, 800, 1600, 3200, 6400, 10_000, 10_000, 10_000]);
  });

  test("can be closed before it has begun", async () => {
    const one = watched(Order.NOT_BEGIN);
    await close(one);
    expect(one.thread.restarts).toBe(0);
  });
});
