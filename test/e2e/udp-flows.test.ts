import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { SocketAddress } from "../../src/base/address.ts";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { dialing } from "../../src/daemon/dialing.ts";
import type { DataPlane } from "../../src/dataplane/data-plane.ts";
import { namespaceFixture } from "../../src/linux/namespace-fixture.suite.ts";
import { describeFlows } from "../../src/upstream/dialer.suite.ts";
import type { Dialer } from "../../src/upstream/dialer.ts";
import { dataPlaneMissing, newDataPlane } from "../support/udp-planes.ts";

const missing = dataPlaneMissing();
const handler = { handle: async () => undefined };

/** Says this to whoever asks. */
const saying = (name: string) => `
  const socket = require("node:dgram").createSocket("udp4");
  socket.on("message", (_, from) => socket.send("${name}", from.port, from.address));
  socket.bind(5300, "127.0.0.1", () => console.log("ready"));`;

/** Resolves with the first that is said and `isMeant`; then the flow is closed. */
function askWith(
  dialer: Dialer,
  at: SocketAddress,
  questions: readonly string[],
  isMeant: (said: string) => boolean,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const flow = dialer.udp(at, {
      message(octets) {
        const said = Buffer.from(octets).toString();
        if (!isMeant(said)) return;
        flow.close();
        resolve(said);
      },
      failed: reject,
    });
    for (const question of questions) flow.send(Buffer.from(question));
  });
}

const descriptors = (): number => readdirSync("/proc/self/fd").length;

describe.skipIf(missing)(`questions to upstreams${missing === undefined ? "" : ` (${missing})`}`, () => {
  for (const workers of [1, 2]) {
    describeFlows(`a data plane of ${workers}`, async () => {
      const plane = newDataPlane({ handler, workers });
      await plane.started;
      const before = descriptors();
      return {
        dialer: dialing(() => plane).host,
        // One more is the test's own server.
        idle: () => expect.poll(descriptors).toBeLessThanOrEqual(before + 1),
        close: () => plane.close(),
      };
    });
  }

  describe("one after the other", () => {
    let server: Socket;
    let at: SocketAddress;
    let plane: DataPlane;
    let nowMs = 0;
    const clock: Clock = { ...systemClock, now: () => nowMs };
    const ports: number[] = [];

    beforeEach(async () => {
      nowMs = 0;
      ports.length = 0;
      server = createSocket("udp4").bind(0, "127.0.0.1");
      await once(server, "listening");
      at = { address: "127.0.0.1", port: server.address().port };
      server.on("message", (octets, { port, address }) => {
        ports.push(port);
        server.send(octets, port, address);
      });
      plane = newDataPlane({ handler, clock });
      await plane.started;
    });
    afterEach(async () => {
      server.close();
      await plane.close();
    });

    /** Resolves with what was said to the last question. */
    const ask = (dialer: Dialer, questions: readonly string[]) =>
      askWith(dialer, at, questions, (said) => said === questions.at(-1));

    test("take turns at a port for a tenth of a second", async () => {
      const dialer = dialing(() => plane).host;
      for (let i = 0; i < 20; i++) expect(await ask(dialer, [`${i}`])).toBe(`${i}`);
      expect(new Set(ports).size).toBe(1);
      nowMs = 99;
      await ask(dialer, ["still"]);
      expect(new Set(ports).size).toBe(1);
      nowMs = 100;
      await ask(dialer, ["no more"]);
      expect(new Set(ports).size).toBe(2);
    });

    test("leave no port to others on which more may come", async () => {
      const dialer = dialing(() => plane).host;
      // The second answer may be on its way when the first has come.
      await ask(dialer, ["once", "twice"]);
      await ask(dialer, ["next"]);
      expect(new Set(ports).size).toBe(2);
    });

    test("are answered by who is asked, whatever port they have", async () => {
      const other = createSocket("udp4").bind(0, "127.0.0.1");
      await once(other, "listening");
      other.on("message", (_, { port, address }) => other.send("other", port, address));
      const dialer = dialing(() => plane).host;
      await ask(dialer, ["first"]);
      const theirs = { address: "127.0.0.1", port: other.address().port };
      expect(await askWith(dialer, theirs, ["?"], () => true)).toBe("other");
      other.close();
    });
  });

  test("leave from the namespace of who asks, also when a port was used before", async () => {
    const { add, run, cleanup } = namespaceFixture();
    const plane = newDataPlane({ handler });
    await plane.started;
    const { inside } = dialing(() => plane);
    // The same object, as where two containers have equal servers.
    const at = { address: "127.0.0.1", port: 5300 };
    const dialers = await Promise.all(
      ["one", "other"].map(async (name) => {
        const path = add();
        await run(path, saying(name));
        return inside(path, { key: `test/${name}`, name });
      }),
    );
    const said: string[] = [];
    for (const dialer of [...dialers, ...dialers]) said.push(await askWith(dialer, at, ["?"], () => true));
    expect(said).toEqual(["one", "other", "one", "other"]);
    await plane.close();
    await cleanup();
  });

  test("are listened to by Node where no thread works", async () => {
    const program = new URL("data:text/javascript,setInterval(()=>{},1000)");
    const plane = newDataPlane({ handler, program });
    await expect.poll(() => plane.canListen, { timeout: 5000 }).toBe(false);
    const server = createSocket("udp4");
    server.on("message", (octets, from) => server.send(octets, from.port, from.address));
    await new Promise<void>((resolve) => void server.bind(0, "127.0.0.1", resolve));
    const at = { address: "127.0.0.1", port: server.address().port };
    const said = await new Promise<string>((resolve, reject) => {
      const flow = dialing(() => plane).host.udp(at, {
        message(octets) {
          flow.close();
          resolve(Buffer.from(octets).toString());
        },
        failed: reject,
      });
      flow.send(Buffer.from("anybody?"));
    });
    expect(said).toBe("anybody?");
    server.close();
    await plane.close();
  });
});
