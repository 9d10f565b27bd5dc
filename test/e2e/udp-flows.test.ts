import { readdirSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { dialing } from "../../src/daemon/dialing.ts";
import { describeFlows } from "../../src/upstream/dialer.suite.ts";
import { dataPlaneMissing, newDataPlane } from "../support/udp-planes.ts";

const missing = dataPlaneMissing();
const handler = { handle: async () => undefined };
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

  test("are listened to by Node where no thread works", async () => {
    const program = new URL("data:text/javascript,setInterval(()=>{},1000)");
    const plane = newDataPlane({ handler, program });
    await expect.poll(() => plane.canListen, { timeout: 5000 }).toBe(false);
    const { createSocket } = await import("node:dgram");
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
