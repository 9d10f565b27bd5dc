import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { composeMessage } from "../wire/compose.ts";
import { frame } from "../wire/frame.ts";
import { Rcode, RrClass, RrType } from "../wire/iana.ts";
import type { Message } from "../wire/message.ts";
import { type ExchangeCall, exchanger } from "./exchange.ts";
import { fakeClock } from "./fake-clock.suite.ts";
import {
  addressOf,
  answering,
  closedPort,
  countingDialer,
  type FakeUpstream,
  failing,
  fakeUpstream,
  replyTo,
  silent,
  type TcpScript,
  type UdpScript,
} from "./fake-upstream.suite.ts";
import type { Mismatch } from "./match-reply.ts";

const question = { name: "Www.Example.org.", type: RrType.A, class: RrClass.IN };
const flags = { rd: true, cd: false, ad: false, do: false };

let upstream: FakeUpstream | undefined;
let dialer: ReturnType<typeof countingDialer>;
let mismatches: Mismatch[];
const exchange = exchanger({ clock: fakeClock() });
beforeEach(() => {
  dialer = countingDialer();
  mismatches = [];
});
afterEach(async () => {
  await dialer.allClosed();
  await upstream?.close();
  upstream = undefined;
});

async function ask(udp: UdpScript, tcp?: TcpScript, part: Partial<ExchangeCall> = {}): Promise<Message> {
  upstream = await fakeUpstream(udp, tcp);
  return exchange({
    server: upstream.server,
    dialer,
    question,
    flags,
    signal: new AbortController().signal,
    onMismatch: (why) => mismatches.push(why),
    ...part,
  });
}

describe("exchange", () => {
  it("gives the server's message", async () => {
    const reply = await ask(answering("192.0.2.1"));
    expect(reply.header).toMatchObject({ qr: true, ra: true, rcode: Rcode.NOERROR });
    expect(reply.answers).toMatchObject([{ data: { kind: "A", address: "192.0.2.1" } }]);
    expect(await dialer.allClosed()).toBe(1);
  });

  it("sends the question with the client's bits, EDNS 1232, and no options", async () => {
    await ask(answering("192.0.2.1"), undefined, { flags: { rd: false, cd: true, ad: true, do: true } });
    expect(upstream!.udp).toMatchObject([
      {
        header: { qr: false, rd: false, cd: true, ad: true, aa: false, tc: false },
        questions: [question],
        edns: { udpPayloadSize: 1232, version: 0, do: true, options: [] },
      },
    ]);
  });

  it("draws another id and another port for every query", async () => {
    upstream = await fakeUpstream(answering("192.0.2.1"));
    const { server } = upstream;
    const call = { server, dialer, question, flags, signal: new AbortController().signal };
    await Promise.all(Array.from({ length: 50 }, () => exchange(call)));
    expect(new Set(upstream.udp.map(({ header }) => header.id)).size).toBeGreaterThan(40);
    expect(new Set(upstream.ports).size).toBe(50);
    expect(await dialer.allClosed()).toBe(50);
  });

  it("accepts the question in any letter case", async () => {
    const reply = await ask((query, send) => {
      const lower = { ...query.questions[0]!, name: "www.example.ORG." };
      send({ ...replyTo(query), questions: [lower] });
    });
    expect(reply.questions).toMatchObject([{ name: "www.example.ORG." }]);
  });

  it("ignores and counts what is not its reply, and takes the one that is", async () => {
    const reply = await ask((query, send) => {
      const good = replyTo(query, { answers: [addressOf(query, "192.0.2.1")] });
      const bad = replyTo(query, { answers: [addressOf(query, "203.0.113.66")] });
      const other = query.questions[0]!;
      send({ ...bad, header: { ...bad.header, id: (query.header.id + 1) % 65536 } });
      send({ ...bad, questions: [{ ...other, name: "www.example.net." }] });
      send({ ...bad, questions: [{ ...other, type: RrType.AAAA }] });
      send({ ...bad, questions: [{ ...other, class: RrClass.CH }] });
      send({ ...bad, questions: [] });
      send({ ...bad, header: { ...bad.header, qr: false } });
      send(composeMessage(bad).subarray(0, -3));
      send(new Uint8Array(5));
      send(good);
    });
    expect(reply.answers).toMatchObject([{ data: { address: "192.0.2.1" } }]);
    expect(mismatches).toEqual([
      "another id",
      "another question",
      "another question",
      "another question",
      "another question",
      "not a reply",
      "malformed",
      "too short",
    ]);
  });

  it("does not even see datagrams from another port", async () => {
    const forger = await fakeUpstream(silent);
    const { createSocket } = await import("node:dgram");
    const offPath = createSocket("udp4");
    const reply = await ask((query, send) => {
      const forged = replyTo(query, { answers: [addressOf(query, "203.0.113.66")] });
      // The true answer goes out when the forged one, right in every octet, has been handed to the kernel.
      offPath.send(composeMessage(forged), upstream!.ports[0]!, "127.0.0.1", () =>
        send(replyTo(query, { answers: [addressOf(query, "192.0.2.1")] })),
      );
    });
    expect(reply.answers).toMatchObject([{ data: { address: "192.0.2.1" } }]);
    expect(mismatches).toEqual([]);
    offPath.close();
    await forger.close();
  });

  it("takes an error that does not repeat the question", async () => {
    const reply = await ask((query, send) =>
      send({ ...replyTo(query, { rcode: Rcode.REFUSED }), questions: [] }),
    );
    expect(reply.header.rcode).toBe(Rcode.REFUSED);
  });

  it("learns at once that nothing listens", async () => {
    const server = await closedPort();
    await expect(ask(silent, undefined, { server })).rejects.toMatchObject({ code: "ECONNREFUSED" });
    expect(await dialer.allClosed()).toBe(1);
  });

  it("closes its socket when the signal aborts", async () => {
    const stop = new AbortController();
    const asked = ask(() => stop.abort(new Error("enough")), undefined, { signal: stop.signal });
    await expect(asked).rejects.toThrow("enough");
    expect(await dialer.allClosed()).toBe(1);
  });

  it("opens no socket when the signal has aborted before", async () => {
    await expect(ask(silent, undefined, { signal: AbortSignal.abort() })).rejects.toThrow();
    expect(dialer.made).toBe(0);
  });

  it("fails with the dialer's error", async () => {
    const broken = {
      ...dialer,
      udp: () => {
        throw new Error("no such namespace");
      },
    };
    await expect(ask(silent, undefined, { dialer: broken })).rejects.toThrow("no such namespace");
  });
});

describe("exchange with a server that does not know EDNS", () => {
  it.each([Rcode.FORMERR, Rcode.NOTIMP])("asks again without it after rcode %i", async (rcode) => {
    const reply = await ask((query, send) => {
      if (query.edns === undefined) answering("192.0.2.1")(query, send);
      else send(replyTo(query, { rcode, edns: undefined }));
    });
    expect(reply.answers).toHaveLength(1);
    expect(upstream!.udp.map(({ edns }) => edns !== undefined)).toEqual([true, false]);
    expect(await dialer.allClosed()).toBe(2);
  });

  it("asks again without it after BADVERS", async () => {
    const reply = await ask((query, send) => {
      if (query.edns === undefined) answering("192.0.2.1")(query, send);
      else send(replyTo(query, { rcode: Rcode.BADVERS }));
    });
    expect(reply.answers).toHaveLength(1);
  });

  it("asks only once more", async () => {
    const reply = await ask((query, send) => send(replyTo(query, { rcode: Rcode.FORMERR, edns: undefined })));
    expect(reply.header.rcode).toBe(Rcode.FORMERR);
    expect(upstream!.udp).toHaveLength(2);
  });

  it("does not ask again after FORMERR with an OPT, or after another rcode without", async () => {
    expect((await ask(failing(Rcode.FORMERR))).header.rcode).toBe(Rcode.FORMERR);
    expect(upstream!.udp).toHaveLength(1);
    await upstream!.close();
    await ask((query, send) => send(replyTo(query, { rcode: Rcode.NXDOMAIN, edns: undefined })));
    expect(upstream!.udp).toHaveLength(1);
  });
});

describe("exchange of a truncated reply", () => {
  const truncated: UdpScript = (query, send) => send(replyTo(query, { tc: true }));

  /** Everything that TCP may do to a message: one octet at a time. */
  const inSplinters: TcpScript = async (query, socket) => {
    const bytes = frame(composeMessage(replyTo(query, { answers: [addressOf(query, "192.0.2.1")] })));
    socket.setNoDelay(true);
    for (const octet of bytes) await new Promise((sent) => socket.write(Uint8Array.of(octet), sent));
  };

  it("goes on over TCP, however the frames are split", async () => {
    const reply = await ask(truncated, inSplinters);
    expect(reply.answers).toMatchObject([{ data: { address: "192.0.2.1" } }]);
    expect(upstream!.tcp).toMatchObject([{ questions: [question], edns: { udpPayloadSize: 1232 } }]);
    expect(await dialer.allClosed()).toBe(2);
  });

  it("goes on over TCP also when the reply was cut off within a record", async () => {
    const cut: UdpScript = (query, send) => {
      const whole = replyTo(query, { tc: true, answers: [addressOf(query, "192.0.2.1")], edns: undefined });
      send(composeMessage(whole).subarray(0, -2));
    };
    expect((await ask(cut, inSplinters)).answers).toHaveLength(1);
    expect(mismatches).toEqual([]);
  });

  it("does not take for whole what is cut off over TCP as well", async () => {
    const cut: TcpScript = (query, socket) => {
      const reply = replyTo(query, { tc: true, answers: [addressOf(query, "192.0.2.1")] });
      socket.write(frame(composeMessage(reply)));
    };
    await expect(ask(truncated, cut)).rejects.toMatchObject({
      name: "CutOff",
      cause: { message: "its answer was cut off even over TCP" },
    });
    expect(await dialer.allClosed()).toBe(2);
  });

  it("checks ids and questions over TCP, too", async () => {
    const reply = await ask(truncated, (query, socket) => {
      const good = replyTo(query, { answers: [addressOf(query, "192.0.2.1")] });
      const wrongId = { ...good, header: { ...good.header, id: (query.header.id + 1) % 65536 } };
      const wrongName = { ...good, questions: [{ ...query.questions[0]!, name: "example.net." }] };
      socket.write(Buffer.concat([wrongId, wrongName, good].map((each) => frame(composeMessage(each)))));
    });
    expect(reply.answers).toHaveLength(1);
    expect(mismatches).toEqual(["another id", "another question"]);
  });

  it("fails when the server has no TCP", async () => {
    await expect(ask(truncated)).rejects.toMatchObject({ name: "CutOff", cause: { code: "ECONNREFUSED" } });
    expect(await dialer.allClosed()).toBe(2);
  });

  it("fails when the server hangs up", async () => {
    const hangUp: TcpScript = (_, socket) => socket.end(Uint8Array.of(0, 100, 1));
    await expect(ask(truncated, hangUp)).rejects.toMatchObject({
      cause: { message: "the connection was closed without an answer", code: "EPIPE" },
    });
    expect(await dialer.allClosed()).toBe(2);
  });

  it("closes the connection when the signal aborts", async () => {
    const stop = new AbortController();
    const asked = ask(truncated, () => stop.abort(new Error("enough")), { signal: stop.signal });
    await expect(asked).rejects.toThrow("enough");
    expect(await dialer.allClosed()).toBe(2);
  });

  it("asks leave before every message", async () => {
    const sends: string[] = [];
    const maySend = (transport: string, withEdns: boolean) => {
      sends.push(`${transport} ${withEdns}`);
      return transport === "udp";
    };
    await expect(ask(truncated, inSplinters, { maySend })).rejects.toMatchObject({
      cause: { name: "SendForbidden", message: "no more sends over tcp" },
    });
    expect(sends).toEqual(["udp true", "tcp true"]);
    expect(upstream!.tcp).toHaveLength(0);
  });
});
