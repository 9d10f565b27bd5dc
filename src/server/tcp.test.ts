import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { silentLog } from "../base/log.ts";
import { handClock } from "./hand-clock.suite.ts";
import type { Handler } from "./handle.ts";
import type { Listener } from "./listener.ts";
import { CONNECTIONS_MAX, nobodyCrowded, tcpListener } from "./tcp.ts";
import { PIPELINE_MAX } from "./tcp-connection.ts";

describe("a TCP listener", () => {
  const open: Listener[] = [];
  const sockets: Socket[] = [];

  afterEach(async () => {
    for (const socket of sockets.splice(0)) socket.destroy();
    await Promise.all(open.splice(0).map((listener) => listener.close()));
  });

  /** Answers by this function; `dial` connects to it. */
  async function listen(answer: (octets: Uint8Array) => Promise<Uint8Array>, clock = handClock()) {
    const server = createServer({ allowHalfOpen: true });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const asker = () => ({ sandbox: undefined, transport: "tcp" }) as const;
    const handler: Handler = {
      handle: async (octets) => ({ octets: await answer(octets), answer: undefined }),
    };
    const crowded = nobodyCrowded();
    const log = silentLog;
    const listener = tcpListener({ name: "test", server, asker, handler, crowded, clock, log });
    open.push(listener);
    const { port } = server.address() as AddressInfo;
    async function dial(): Promise<Socket> {
      const socket = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      sockets.push(socket);
      await once(socket, "connect");
      return socket;
    }
    return { dial, clock, listener, crowded };
  }

  const echo = async (octets: Uint8Array) => Uint8Array.from(octets);

  const frame = (text: string): Buffer => {
    const octets = Buffer.from(text);
    return Buffer.concat([Buffer.from([octets.length >> 8, octets.length & 255]), octets]);
  };

  /** The next `count` messages of a connection, as text. */
  async function receive(socket: Socket, count: number): Promise<string[]> {
    const messages: string[] = [];
    let buffered = Buffer.alloc(0);
    for await (const chunk of socket) {
      buffered = Buffer.concat([buffered, chunk]);
      while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
        const end = 2 + buffered.readUInt16BE(0);
        messages.push(buffered.subarray(2, end).toString());
        buffered = buffered.subarray(end);
      }
      if (messages.length >= count) break;
    }
    return messages;
  }

  /** When the other side has closed. */
  async function ended(socket: Socket): Promise<void> {
    socket.resume();
    await once(socket, "end");
  }

  test("puts messages together from single octets", async () => {
    const { dial } = await listen(echo);
    const socket = await dial();
    for (const octet of frame("drip")) socket.write(Buffer.from([octet]));
    expect(await receive(socket, 1)).toEqual(["drip"]);
  });

  test("answers pipelined queries as they become ready", async () => {
    let release = (): void => {};
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { dial } = await listen(async (octets) => {
      const text = Buffer.from(octets).toString();
      if (text === "slow") await slow;
      if (text === "fast") setImmediate(release);
      return Buffer.from(text);
    });
    const socket = await dial();
    socket.write(Buffer.concat([frame("slow"), frame("fast")]));
    expect(await receive(socket, 2)).toEqual(["fast", "slow"]);
  });

  test("still answers a client that has closed its sending side", async () => {
    const { dial } = await listen(echo);
    const socket = await dial();
    socket.end(Buffer.concat([frame("one"), frame("two")]));
    expect(await receive(socket, 99)).toEqual(["one", "two"]);
  });

  test("closes a connection that sends an empty message", async () => {
    const { dial } = await listen(echo);
    const socket = await dial();
    socket.write(Buffer.from([0, 0]));
    await ended(socket);
  });

  test("closes a connection whose message does not come to its end", async () => {
    const { dial, clock } = await listen(echo);
    const [dripping, other] = [await dial(), await dial()];
    other.write(frame("hello"));
    dripping.write(Buffer.from([0, 40, 1]));
    expect(await receive(other, 1)).toEqual(["hello"]);
    const closed = ended(dripping);
    // The first octets may arrive after the other connection's answer.
    const again = setInterval(() => clock.fire(), 1);
    await closed;
    clearInterval(again);
  });

  test("serves others while one connection is half open, one silent and one does not read", async () => {
    const big = "x".repeat(60_000);
    const { dial } = await listen(async () => Buffer.from(big));
    const [halfOpen, silent, deaf] = [await dial(), await dial(), await dial()];
    halfOpen.write(Buffer.from([0]));
    silent.pause();
    deaf.pause();
    for (let count = 0; count < 500; count++) deaf.write(frame("more"));
    const socket = await dial();
    socket.write(frame("hello"));
    expect(await receive(socket, 1)).toEqual([big]);
  });

  test("works on a bounded number of one connection's queries at once", async () => {
    let inWork = 0;
    let most = 0;
    let release = (): void => {};
    const gate = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { dial } = await listen(async (octets) => {
      most = Math.max(most, ++inWork);
      // What would come now, were there no bound, comes before the gate opens.
      if (inWork === PIPELINE_MAX) setTimeout(release, 0);
      await gate;
      inWork--;
      return octets.slice();
    });
    const socket = await dial();
    const count = 5 * PIPELINE_MAX;
    socket.write(Buffer.concat(Array.from({ length: count }, (_, index) => frame(String(index)))));
    const answers = await receive(socket, count);
    expect(answers.map(Number).sort((a, b) => a - b)).toEqual(
      Array.from({ length: count }, (_, index) => index),
    );
    expect(most).toBe(PIPELINE_MAX);
  });

  test("a client that sends without a pause does not keep others waiting", async () => {
    let served = 0;
    const { dial } = await listen(async (octets) => {
      if (String(octets) === "flood") served++;
      return octets.slice();
    });
    const [flooding, other] = [await dial(), await dial()];
    flooding.resume();
    flooding.write(Buffer.concat(Array.from({ length: 5000 }, () => frame("flood"))));
    other.write(frame("hello"));
    expect(await receiveOne(other)).toBe("hello");
    expect(served).toBeLessThan(2500);
  });

  test("lets the longest silent connection go when there are too many", async () => {
    const { dial } = await listen(echo);
    const first = await dial();
    const second = await dial();
    first.write(frame("I am here"));
    expect(await receiveOne(first)).toBe("I am here");
    const closed = ended(second);
    for (let count = 2; count < CONNECTIONS_MAX + 1; count++) await dial();
    await closed;
    first.write(frame("still here"));
    expect(await receiveOne(first)).toBe("still here");
  });

  test("lets those go that say nothing before one whose answer is being worked out", async () => {
    let release = (): void => {};
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const { dial, crowded } = await listen(async (octets) => {
      begin();
      await slow;
      return octets.slice();
    });
    const waiting = await dial();
    waiting.write(frame("slow"));
    await begun;
    const silent = await dial();
    const closed = ended(silent);
    for (let count = 2; count < CONNECTIONS_MAX + 1; count++) await dial();
    await closed;
    release();
    expect(await receiveOne(waiting)).toBe("slow");
    expect(crowded).toEqual({ silent: 1, refused: 0 });
  });

  test("refuses the newest, and counts it, while all the others wait for an answer", async () => {
    let release = (): void => {};
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    let inWork = 0;
    let allInWork = (): void => {};
    const begun = new Promise<void>((resolve) => {
      allInWork = resolve;
    });
    const { dial, crowded } = await listen(async (octets) => {
      if (++inWork === CONNECTIONS_MAX) allInWork();
      await slow;
      return octets.slice();
    });
    const waiting: Socket[] = [];
    for (let count = 0; count < CONNECTIONS_MAX; count++) waiting.push(await dial());
    for (const socket of waiting) socket.write(frame("slow"));
    await begun;
    await ended(await dial());
    release();
    const answers = await Promise.all(waiting.map(receiveOne));
    expect(answers).toEqual(waiting.map(() => "slow"));
    expect(crowded).toEqual({ silent: 0, refused: 1 });
  });

  /** Unlike `receive`, leaves the connection open. */
  async function receiveOne(socket: Socket): Promise<string> {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    return chunk.subarray(2).toString();
  }

  test("closing answers what is in work and then ends the connections", async () => {
    let release = (): void => {};
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const { dial, listener } = await listen(async (octets) => {
      begin();
      await new Promise<void>((resolve) => {
        release = resolve;
      });
      return octets.slice();
    });
    const socket = await dial();
    const text = Buffer.from("last words");
    socket.write(frame(String(text)));
    await begun;
    const closed = listener.close();
    release();
    expect(await receive(socket, 99)).toEqual(["last words"]);
    socket.end();
    await closed;
  });

  test("closing answers a query that has been sent and not been read, over a connection not yet accepted", async () => {
    const { dial, listener } = await listen(echo);
    const socket = await dial();
    const closed = new Promise((resolve) => {
      socket.write(frame("last words"), () => resolve(listener.close()));
    });
    expect(await receive(socket, 99)).toEqual(["last words"]);
    socket.end();
    await closed;
  });

  test("closing waits for the first query of a connection that has not asked yet, but not for ever", async () => {
    const { dial, listener, clock } = await listen(echo);
    const [late, silent] = [await dial(), await dial()];
    const closed = listener.close();
    late.write(frame("here I am"));
    expect(await receiveOne(late)).toBe("here I am");
    const over = [ended(late), ended(silent)];
    clock.fire();
    await Promise.all(over);
    await closed;
  });
});
