import { closeSync, existsSync } from "node:fs";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import type { Way } from "../base/flow.ts";
import { linuxSupport } from "../linux/libc.ts";
import type { PollSet } from "../linux/poller.ts";
import { connectedUdpSocket, udpServerHere } from "../linux/sockets.ts";
import { fakeClock } from "../upstream/fake-clock.suite.ts";
import { flows } from "./flows.ts";
import { FLOWS_MAX, FlowRow, Heard } from "./memory.ts";
import type { RingReader } from "./ring.ts";

const ECONNREFUSED = 111;

describe.skipIf(!linuxSupport().ok)("a flow", () => {
  const clock = fakeClock();
  // Takes what is sent, and says nothing.
  const server = udpServerHere({ address: "127.0.0.1", port: 0 });
  afterAll(() => closeSync(server.fd));
  const made: number[] = [];
  const way: Way = {
    connect() {
      const fd = connectedUdpSocket({ address: "127.0.0.1", port: server.port });
      made.push(fd);
      return fd;
    },
  };
  afterEach(() => {
    for (const fd of new Set(made.splice(0))) if (isOpen(fd)) closeSync(fd);
  });
  const isOpen = (fd: number) => existsSync(`/proc/self/fd/${fd}`);

  /** Flows whose worker is this test; `hold` says that it is at work. */
  function start() {
    const memory = new SharedArrayBuffer(4 * FlowRow.WORDS * FLOWS_MAX);
    const armed = new Map<number, readonly [key: number, generation: number]>();
    let isAtWork = false;
    let isOver = false;
    const set = {
      addOnce: (fd: number, key: number, generation: number) => armed.set(fd, [key, generation]),
      onceMore(fd: number, key: number, generation: number) {
        expect(isOver, "the set is closed").toBe(false);
        armed.set(fd, [key, generation]);
      },
      remove(fd: number) {
        expect(isOver, "the set is closed").toBe(false);
        armed.delete(fd);
      },
    } as unknown as PollSet;
    const quiescence = { mark: () => [], hasPassed: () => !isAtWork };
    const all = flows({ memory, sets: [set], quiescence, clock });

    /** What a worker hands over that has read so many from the descriptor of the flow that was opened last. */
    function reading(texts: readonly string[], errno = 0): (() => void)[] {
      const [key, generation] = armed.get(made.at(-1)!)!;
      return (errno === 0 ? texts : [""]).map((text) => () => {
        const octets = new Uint8Array(4 * Heard.HEADER_WORDS + text.length);
        const words = new Uint32Array(octets.buffer, 0, Heard.HEADER_WORDS);
        words[Heard.FLOW] = key;
        words[Heard.GENERATION] = generation;
        words[Heard.ERRNO] = errno;
        words[Heard.COUNT] = texts.length;
        octets.set(Buffer.from(text), 4 * Heard.HEADER_WORDS);
        all.take({ octets, words } as unknown as RingReader, 0, octets.length);
      });
    }
    function close(): void {
      all.close();
      isOver = true;
    }
    return { all, reading, close, hold: (is: boolean) => (isAtWork = is) };
  }

  /** Closes itself when it hears `until`, or of an error. */
  function ask({ all }: ReturnType<typeof start>, { until = "yes", isFresh = false } = {}) {
    const heard: string[] = [];
    const listener = {
      message(octets: Uint8Array) {
        heard.push(Buffer.from(octets).toString());
        if (heard.at(-1) === until) flow.close();
      },
      failed(error: Error) {
        heard.push((error as NodeJS.ErrnoException).code!);
        flow.close();
      },
    };
    const flow = all.open(way, listener, isFresh);
    flow.send(Buffer.from("?"));
    return heard;
  }

  test("leaves its socket to the next when its one datagram was answered by one", () => {
    const under = start();
    ask(under);
    for (const hand of under.reading(["yes"])) hand();
    ask(under);
    expect(made).toHaveLength(1);
  });

  test("has a socket that nobody had where that is asked for", () => {
    const under = start();
    ask(under);
    for (const hand of under.reading(["yes"])) hand();
    ask(under, { isFresh: true });
    expect(made).toHaveLength(2);
  });

  test("leaves nothing behind when all is over, whenever it ends", () => {
    const under = start();
    ask(under);
    for (const hand of under.reading(["yes"])) hand();
    const silent = under.all.open(way, { message() {}, failed() {} }, true);
    const given = under.all.open(way, { message() {}, failed() {} }, true);
    under.hold(true);
    given.close();
    under.close();
    expect(made.map(isOpen)).toEqual([false, true, false]);
    // Its set is closed by now, and may be another one.
    silent.close();
    expect(made.map(isOpen)).toEqual([false, false, false]);
    expect(under.all.hasRoom).toBe(false);
  });

  test("still hears what was read before all is over, and asks for no more", () => {
    const under = start();
    const heard = ask(under);
    const [wrong] = under.reading(["no"]);
    under.close();
    wrong!();
    expect(heard).toEqual(["no"]);
  });

  test("hears nothing of what was read with the answer to the one before", () => {
    const under = start();
    ask(under);
    const [first, late] = under.reading(["yes", "more"]);
    first!();
    const heard = ask(under);
    late!();
    expect(heard).toEqual([]);
  });

  test.each([
    { name: "a forged answer came first", readings: [["no"], ["yes"]] },
    { name: "a forged one came with it", readings: [["yes", "no"]] },
  ])("leaves its socket to nobody when $name", ({ readings }) => {
    const under = start();
    ask(under);
    for (const texts of readings) for (const hand of under.reading(texts)) hand();
    ask(under);
    expect(made).toHaveLength(2);
  });

  test("leaves its socket to nobody after an error", () => {
    const under = start();
    const heard = ask(under);
    for (const hand of under.reading([], ECONNREFUSED)) hand();
    expect(heard).toEqual(["ECONNREFUSED"]);
    ask(under);
    expect(made).toHaveLength(2);
  });

  test("keeps its descriptor while a worker may have been told of it once more", () => {
    const under = start();
    ask(under);
    const [wrong, right] = under.reading(["no", "yes"]);
    wrong!();
    under.hold(true);
    right!();
    expect(isOpen(made[0]!)).toBe(true);
    under.hold(false);
    return expect.poll(() => isOpen(made[0]!)).toBe(false);
  });

  test("closes the socket that it can't have watched", () => {
    const refusing = {
      addOnce() {
        throw new Error("ENOSPC");
      },
    } as unknown as PollSet;
    const memory = new SharedArrayBuffer(4 * FlowRow.WORDS * FLOWS_MAX);
    const quiescence = { mark: () => [], hasPassed: () => true };
    const all = flows({ memory, sets: [refusing], quiescence, clock });
    expect(() => all.open(way, { message() {}, failed() {} }, false)).toThrow("ENOSPC");
    expect(isOpen(made[0]!)).toBe(false);
  });
});
