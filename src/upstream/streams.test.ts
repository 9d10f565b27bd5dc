import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { composeMessage } from "../wire/compose.ts";
import { frame } from "../wire/frame.ts";
import { RrClass, RrType } from "../wire/iana.ts";
import type { Message } from "../wire/message.ts";
import { parseMessage } from "../wire/parse.ts";
import { hostDialer } from "./dialer.ts";
import { type ExchangeCall, exchanger } from "./exchange.ts";
import { fakeClock } from "./fake-clock.suite.ts";
import { addressOf, replyTo } from "./fake-upstream.suite.ts";
import { frameReader } from "./frame-reader.ts";

const servers: Server[] = [];
const clocks: ReturnType<typeof fakeClock>[] = [];
afterEach(() => {
  for (const clock of clocks.splice(0)) clock.advance(60_000);
  for (const server of servers.splice(0)) server.close();
});

/** What a server that closes connections under load serves on each. */
const SERVED = 40;

/** A TCP server that keeps what it is asked, and a way to ask it; `answer` gets each query as it comes. */
async function start(answer: (query: Message, send: (reply: Message) => void, connection: Socket) => void) {
  const connections: Socket[] = [];
  const asked: Message[] = [];
  const server = createServer((connection) => {
    connections.push(connection);
    connection.on("error", () => {});
    const frames = frameReader();
    connection.on("data", (chunk) => {
      for (const octets of frames(chunk)) {
        const parsed = parseMessage(octets);
        if (!parsed.ok) throw new Error(`not a message: ${parsed.error}`);
        asked.push(parsed.message);
        answer(parsed.message, (reply) => connection.write(frame(composeMessage(reply))), connection);
      }
    });
  }).listen(0, "127.0.0.1");
  servers.push(server);
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const clock = fakeClock();
  clocks.push(clock);
  const exchange = exchanger({ clock });
  const ask = (name: string, part: Partial<ExchangeCall> = {}): Promise<string> =>
    exchange({
      server: { address: "127.0.0.1", port, transport: "tcp" },
      dialer: hostDialer,
      question: { name, type: RrType.A, class: RrClass.IN },
      flags: { rd: true, cd: false, ad: false, do: false },
      signal: new AbortController().signal,
      ...part,
    }).then(({ answers: [rr] }) => (rr!.data as { address: string }).address);
  return { ask, asked, connections, clock };
}

/** `7.example.` has the address 192.0.2.7. */
const numbered = (query: Message) =>
  replyTo(query, { answers: [addressOf(query, `192.0.2.${Number.parseInt(query.questions[0]!.name, 10)}`)] });

describe("streams", () => {
  it("carry many questions on one connection, whatever the order of the replies", async () => {
    const held: (() => void)[] = [];
    const { ask, connections, asked } = await start((query, send) => {
      held.push(() => send(numbered(query)));
      if (held.length === 10) for (const release of held.reverse()) release();
    });
    const names = Array.from({ length: 10 }, (_, index) => `${index}.example.`);
    const answers = await Promise.all(names.map((name) => ask(name)));
    expect(answers).toEqual(names.map((_, index) => `192.0.2.${index}`));
    expect(connections).toHaveLength(1);
    expect(new Set(asked.map(({ header }) => header.id)).size).toBe(10);
  });

  it("do not take the late reply to a question that was given up for another's", async () => {
    const held: (() => void)[] = [];
    const { ask, connections } = await start((query, send) => {
      held.push(() => send(numbered(query)));
      if (held.length > 1) for (const release of held) release();
    });
    const stop = new AbortController();
    const given = ask("1.example.", { signal: stop.signal });
    const kept = ask("2.example.");
    stop.abort(new Error("enough"));
    await expect(given).rejects.toThrow("enough");
    expect(await kept).toBe("192.0.2.2");
    expect(connections).toHaveLength(1);
  });

  it("are closed after ten seconds without a question", async () => {
    const { ask, connections, clock } = await start((query, send) => send(numbered(query)));
    await ask("1.example.");
    clock.advance(9_999);
    await ask("2.example.");
    expect(connections).toHaveLength(1);
    const closed = once(connections[0]!, "close");
    clock.advance(10_000);
    await closed;
    await ask("3.example.");
    expect(connections).toHaveLength(2);
  });

  it("are kept for a burst only where UDP comes first", async () => {
    const { ask, connections, clock } = await start((query, send) => send(numbered(query)));
    const server = { address: "127.0.0.1", port: (servers.at(-1)!.address() as AddressInfo).port };
    await ask("1.example.", { server, overTcp: true });
    clock.advance(199);
    await ask("2.example.", { server, overTcp: true });
    expect(connections).toHaveLength(1);
    const closed = once(connections[0]!, "close");
    clock.advance(200);
    await closed;
  });

  it("ask once more on a new connection when the kept one is closed by the server", async () => {
    let hangUp = false;
    const { ask, connections, asked } = await start((query, send, connection) => {
      // As a server that ran into its own idle time: what was just sent to it is lost.
      if (hangUp && connection === connections[0]) connection.destroy();
      else send(numbered(query));
    });
    await ask("1.example.");
    hangUp = true;
    expect(await ask("2.example.")).toBe("192.0.2.2");
    expect(connections).toHaveLength(2);
    expect(asked).toHaveLength(3);
  });

  it("ask on a new connection at once when the kept one is seen to be closed", async () => {
    const { ask, connections, asked } = await start((query, send) => send(numbered(query)));
    await ask("1.example.");
    connections[0]!.end();
    await once(connections[0]!, "close");
    expect(await ask("2.example.")).toBe("192.0.2.2");
    expect(asked).toHaveLength(2);
  });

  it("do not ask a third time where a new one is closed unanswered", async () => {
    let hangUp = false;
    const { ask, connections } = await start((query, send, connection) => {
      if (hangUp) connection.destroy();
      else send(numbered(query));
    });
    await ask("1.example.");
    hangUp = true;
    await expect(ask("2.example.")).rejects.toThrow();
    expect(connections).toHaveLength(2);
  });

  it("fail all who wait for a connection that does not come about, without another attempt for each", async () => {
    const { ask, connections } = await start((_, __, connection) => connection.destroy());
    // What it says is no TLS.
    const server = { address: "127.0.0.1", port: (servers.at(-1)!.address() as AddressInfo).port } as const;
    const names = Array.from({ length: 40 }, (_, index) => `${index}.example.`);
    servers.at(-1)!.on("connection", (connection: Socket) => connection.end("no"));
    const asked = await Promise.allSettled(
      names.map((name) => ask(name, { server: { ...server, transport: "tls" } })),
    );
    expect(new Set(asked.map(({ status }) => status))).toEqual(new Set(["rejected"]));
    expect(connections.length).toBeLessThanOrEqual(4);
  });

  it("share few new connections when the kept ones are closed under many questions", async () => {
    const answered = new Map<Socket, number>();
    const { ask, connections } = await start((query, send, connection) => {
      const count = (answered.get(connection) ?? 0) + 1;
      answered.set(connection, count);
      if (count <= SERVED) send(numbered(query));
      else if (count === SERVED + 1) connection.destroy();
    });
    const names = Array.from({ length: 200 }, (_, index) => `${index}.example.`);
    expect(await Promise.all(names.map((name) => ask(name)))).toHaveLength(200);
    expect(connections.length).toBeLessThanOrEqual(200 / SERVED + 8);
  });

  it.each([1, 5])("ask as often as the server closes connections after %i answers", async (most) => {
    const answered = new Map<Socket, number>();
    const { ask, connections } = await start((query, send, connection) => {
      const count = (answered.get(connection) ?? 0) + 1;
      answered.set(connection, count);
      if (count <= most) send(numbered(query));
      if (count === most) connection.end();
    });
    const names = Array.from({ length: 200 }, (_, index) => `${index}.example.`);
    expect(await Promise.all(names.map((name) => ask(name)))).toEqual(
      names.map((_, index) => `192.0.2.${index}`),
    );
    expect(connections.length).toBeLessThanOrEqual(200 / most + 50);
  });

  /** Whose first connection has answered once, and is silent since. */
  async function startSilent() {
    let isSilent = false;
    const started = await start((query, send, connection) => {
      if (!isSilent || connection !== started.connections[0]) send(numbered(query));
    });
    await started.ask("1.example.");
    isSilent = true;
    started.clock.advance(100);
    return started;
  }

  it("share a new connection when the kept ones are doubtful", async () => {
    const { ask, connections } = await startSilent();
    const names = Array.from({ length: 10 }, (_, index) => `${index}.example.`);
    await Promise.all(names.map((name) => ask(name, { fresh: true })));
    expect(connections).toHaveLength(2);
  });

  it("leave a connection that has become silent when asked to, and for good when a question to it is given up", async () => {
    const { ask, clock, connections } = await startSilent();
    const stop = new AbortController();
    const given = ask("3.example.", { signal: stop.signal });
    clock.advance(99);
    expect(await ask("2.example.", { fresh: true })).toBe("192.0.2.2");
    // As who is overdue is given up when another connection has answered.
    clock.advance(201);
    stop.abort(new Error("enough"));
    await expect(given).rejects.toThrow();
    expect(await ask("4.example.")).toBe("192.0.2.4");
    expect(connections).toHaveLength(2);
  });

  it("open further connections, but few, when many wait", async () => {
    const held: (() => void)[] = [];
    const { ask, connections } = await start((query, send) => {
      held.push(() => send(numbered(query)));
      if (held.length === 100) for (const release of held) release();
    });
    const names = Array.from({ length: 100 }, (_, index) => `${index}.example.`);
    expect(await Promise.all(names.map((name) => ask(name)))).toHaveLength(100);
    expect(connections).toHaveLength(4);
  });

  it("are not kept where the dialer does not say so", async () => {
    const { ask, connections } = await start((query, send) => send(numbered(query)));
    const { keepsConnections: _, ...dialer } = hostDialer;
    await ask("1.example.", { dialer });
    await once(connections[0]!, "close");
  });

  it("tell of replies that fit nobody", async () => {
    const mismatches: string[] = [];
    const { ask } = await start((query, send) => {
      send({ ...numbered(query), header: { ...query.header, qr: true, id: query.header.id ^ 1 } });
      send(numbered(query));
    });
    expect(await ask("1.example.", { onMismatch: (why) => mismatches.push(why) })).toBe("192.0.2.1");
    expect(mismatches).toEqual(["another id"]);
  });
});
