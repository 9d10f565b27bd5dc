import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { afterEach, describe, expect, test } from "vitest";
import { silentLog } from "../base/log.ts";
import { handClock } from "./hand-clock.suite.ts";
import type { Handler } from "./handle.ts";
import { udpListener } from "./udp.ts";

describe("a UDP listener", () => {
  const sockets: Socket[] = [];

  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.close();
  });

  async function listen(answer: (octets: Uint8Array) => Promise<Uint8Array>) {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const clock = handClock();
    const asker = () => ({ sandbox: undefined, transport: "udp" }) as const;
    const handler: Handler = {
      handle: async (octets) => ({ octets: await answer(octets), answer: undefined }),
    };
    const listener = udpListener({
      name: "test",
      socket,
      asker,
      handler,
      clock,
      log: silentLog,
    });
    const asking = createSocket("udp4");
    sockets.push(asking);
    asking.connect(socket.address().port, "127.0.0.1");
    await once(asking, "connect");
    async function ask(text: string): Promise<string> {
      asking.send(text);
      return String((await once(asking, "message"))[0]);
    }
    return { socket, listener, clock, asking, ask };
  }

  const echo = async (octets: Uint8Array) => octets.slice();

  test("answers", async () => {
    const { ask, listener } = await listen(echo);
    expect(await ask("hello")).toBe("hello");
    await listener.close();
  });

  test("survives a client with the forged port 0, which nobody can answer", async () => {
    const { socket, ask, listener } = await listen(echo);
    const from = { address: "127.0.0.1", family: "IPv4", port: 0, size: 1 } as const;
    socket.emit("message", Buffer.from("?"), from);
    expect(await ask("hello")).toBe("hello");
    await listener.close();
  });

  test("gives up an answer when too many wait to be sent, and answers again when they are gone", async () => {
    const { socket, ask, asking, listener } = await listen(echo);
    const counts = [1000];
    socket.getSendQueueCount = () => counts.shift() ?? 999;
    asking.send("first");
    expect(await ask("second")).toBe("second");
    await listener.close();
  });

  test("closing waits for what is in flight, and goes on answering until then", async () => {
    let release = (): void => {};
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    const { listener, asking, ask } = await listen(async (octets) => {
      if (String(octets) === "slow") await slow;
      return octets.slice();
    });
    asking.send("slow");
    expect(await ask("fast")).toBe("fast");
    const closed = listener.close();
    expect(await ask("late")).toBe("late");
    const answered = once(asking, "message");
    release();
    expect(String((await answered)[0])).toBe("slow");
    await closed;
  });

  test("closing answers what the kernel has received and we have not read", async () => {
    const { listener, asking } = await listen(echo);
    const answered = once(asking, "message");
    // The callback comes before the event loop reads any socket again.
    const closed = new Promise((resolve) => {
      asking.send("last words", () => resolve(listener.close()));
    });
    expect(String((await answered)[0])).toBe("last words");
    await closed;
  });

  test("closing ends after its grace, and an answer that comes later harms nobody", async () => {
    let release = (): void => {};
    const slow = new Promise<void>((resolve) => {
      release = resolve;
    });
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const { listener, asking, clock } = await listen(async (octets) => {
      begin();
      await slow;
      return octets.slice();
    });
    asking.send("slow");
    await begun;
    const closed = listener.close();
    clock.fire();
    await closed;
    release();
    // An unhandled rejection would fail the run.
    await new Promise((resolve) => setImmediate(resolve));
  });
});
