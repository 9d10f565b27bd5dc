import { execFileSync } from "node:child_process";
import { closeSync, readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { type Batch, batch, RECEIVE_STRIDE } from "./batch.ts";
import { ADDRESS_STRIDE, BATCH, SEND_STRIDE } from "./batch-size.ts";
import { libc } from "./libc.ts";
import { inNamespace, type Namespace, openNamespace } from "./namespace.ts";
import { namespaceFixture, skipped, whyNot } from "./namespace-fixture.suite.ts";
import { connectedUdpSocket, serverSockets, udpServerHere } from "./sockets.ts";

const AT = { address: "127.0.0.1", port: 5300 };
const CLIENTS = 5;
const MSG_DONTWAIT = 0x40;
const SOL_SOCKET = 1;
const SO_NO_CHECK = 11;

/** `struct sockaddr_in6` of `::<digit>`. */
function v6(address: string, port: number): Uint8Array {
  const octets = Buffer.alloc(28);
  octets.writeUInt16LE(10, 0);
  octets.writeUInt16BE(port, 2);
  octets[23] = Number(address.slice(2));
  return octets;
}

describe.skipIf(whyNot !== undefined)(`answers${skipped}`, () => {
  const { add, cleanup } = namespaceFixture();
  let path: string;
  let namespace: Namespace;
  let server: number;
  let listening: number;
  let clients: number[];
  let io: Batch;

  beforeAll(() => {
    path = add();
    namespace = openNamespace(path);
  });
  afterAll(async () => {
    namespace.close();
    await cleanup();
  });
  beforeEach(() => {
    ({ udp: server, tcp: listening } = serverSockets(namespace, AT));
    clients = Array.from({ length: CLIENTS }, () => connectedUdpSocket(AT, namespace));
    io = batch();
  });
  afterEach(() => {
    for (const fd of [server, listening, ...clients]) closeSync(fd);
  });

  /** Each asks in turn, and what it asked is in the batch. */
  function ask(questions: readonly { readonly client: number; readonly text: string }[]): void {
    for (const { client, text } of questions) libc().send(clients[client]!, Buffer.from(text), MSG_DONTWAIT);
    expect(io.receive(server)).toBe(questions.length);
  }

  /** Gives everyone back what he asked; returns how many answers could not be sent. */
  function echo(count: number): number {
    for (let i = 0; i < count; i++) {
      const from = i * RECEIVE_STRIDE;
      io.sent.set(io.received.subarray(from, from + io.lengthOf(i)), i * SEND_STRIDE);
      io.answer(i, i, io.lengthOf(i));
    }
    return io.send(server, count);
  }

  /** What has come to a client, in alphabetical order. */
  const heard = (client: number): string[] => heardBy(clients[client]!);

  function heardBy(fd: number): string[] {
    const texts: string[] = [];
    const octets = Buffer.alloc(SEND_STRIDE);
    try {
      for (;;) {
        const length = libc().recv(fd, octets, MSG_DONTWAIT);
        texts.push(octets.toString("latin1", 0, length));
      }
    } catch (error) {
      expect(error).toMatchObject({ code: "EAGAIN" });
    }
    return texts.sort();
  }

  const same = (count: number) => Array.from({ length: count }, (_, i) => ({ client: 0, text: `q${i}` }));
  const texts = (questions: readonly { readonly text: string }[]) => questions.map(({ text }) => text).sort();

  /** Packets that the namespace's loopback has carried. */
  const carried = (): number =>
    inNamespace(namespace, () =>
      Number(/lo:\s*\d+\s+(\d+)/.exec(readFileSync("/proc/thread-self/net/dev", "utf8"))![1]),
    );

  test.each([
    { answers: 1, packets: 1 },
    { answers: 2, packets: 2 },
    { answers: 3, packets: 3 },
    { answers: 4, packets: 1 },
    { answers: 10, packets: 1 },
    // 10 are shorter than the other 54, which are too many for one.
    { answers: BATCH, packets: 3 },
  ])("$answers of one length to one client are $packets on the way", ({ answers, packets }) => {
    const questions = same(answers);
    ask(questions);
    const before = carried();
    expect(echo(answers)).toBe(0);
    expect(carried() - before).toBe(packets);
    expect(heard(0)).toEqual(texts(questions));
  });

  test("of more than 512 octets go one by one", () => {
    const questions = same(8).map(({ client, text }) => ({ client, text: text.padEnd(513, ".") }));
    ask(questions);
    const before = carried();
    expect(echo(8)).toBe(0);
    expect(carried() - before).toBe(8);
  });

  test("go to addresses that differ only at their end", () => {
    const at = { address: "::1", port: 5300 };
    const { fd, port } = inNamespace(namespace, () => udpServerHere({ ...at, address: "::" }));
    execFileSync("ip", ["-n", path.slice("/run/netns/".length), "-6", "addr", "add", "::2/128", "dev", "lo"]);
    const from = ["::1", "::2"].map((address) =>
      inNamespace(namespace, () => {
        const made = udpServerHere({ address, port: 5301 }).fd;
        libc().connect(made, v6(address, port));
        return made;
      }),
    );
    for (let i = 0; i < 8; i++) libc().send(from[i % 2]!, Buffer.from(`${i % 2}`), MSG_DONTWAIT);
    expect(io.receive(fd)).toBe(8);
    for (let i = 0; i < 8; i++) {
      io.sent[i * SEND_STRIDE] = io.received[i * RECEIVE_STRIDE]!;
      io.answer(i, i, 1);
    }
    expect(io.send(fd, 8)).toBe(0);
    for (const [i, client] of from.entries()) expect(heardBy(client)).toEqual(Array(4).fill(`${i}`));
    for (const each of [fd, ...from]) closeSync(each);
  });

  test("go to who asked, each whole and once, whoever asked how much of what length", () => {
    const question = fc.record({
      client: fc.nat({ max: CLIENTS - 1 }),
      // Some of a length that is not joined.
      length: fc.oneof(fc.integer({ min: 8, max: 12 }), fc.constantFrom(512, 513, 1500)),
    });
    fc.assert(
      fc.property(fc.array(question, { minLength: 1, maxLength: BATCH }), (drawn) => {
        const questions = drawn.map(({ client, length }, i) => ({
          client,
          text: `${client}-${i}`.padEnd(length, "."),
        }));
        ask(questions);
        expect(echo(questions.length)).toBe(0);
        for (let client = 0; client < CLIENTS; client++)
          expect(heard(client)).toEqual(texts(questions.filter((each) => each.client === client)));
      }),
    );
  });

  test("go one by one where the kernel refuses to join them", () => {
    libc().setsockopt(server, SOL_SOCKET, SO_NO_CHECK, 1);
    const refused = carried();
    for (const questions of [same(20), same(20)]) {
      ask(questions);
      expect(echo(questions.length)).toBe(0);
      expect(heard(0)).toEqual(texts(questions));
    }
    expect(carried() - refused).toBe(80);
    // From then on it is not even tried.
    libc().setsockopt(server, SOL_SOCKET, SO_NO_CHECK, 0);
    ask(same(20));
    const before = carried();
    expect(echo(20)).toBe(0);
    expect(carried() - before).toBe(20);
  });

  test("are counted, each, that can't be sent, and the others go on being joined", () => {
    const questions = [...same(6), ...same(6).map(({ text }) => ({ client: 1, text }))];
    ask(questions);
    // The first six come from port 0.
    for (let i = 0; i < 6; i++) io.addresses.fill(0, i * ADDRESS_STRIDE + 2, i * ADDRESS_STRIDE + 4);
    expect(echo(12)).toBe(6);
    expect(heard(1)).toEqual(texts(same(6)));
    ask(same(6));
    const before = carried();
    expect(echo(6)).toBe(0);
    expect(carried() - before).toBe(1);
  });

  test("can be sent after all garbage was collected: the kernel's pointers keep nothing alive", () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    for (let round = 0; round < 5; round++) {
      collect();
      // Takes the room of what was not kept.
      const filling = Array.from({ length: 200 }, () => new Uint8Array(BATCH * 16).fill(0xff));
      ask(same(8));
      expect(echo(8)).toBe(0);
      expect(heard(0)).toEqual(texts(same(8)));
      expect(filling).toHaveLength(200);
    }
  });
});
