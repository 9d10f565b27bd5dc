import { closeSync } from "node:fs";
import { expect, test } from "vitest";
import { systemClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { openDescriptors, skipped, whyNot } from "../linux/namespace-fixture.suite.ts";
import { nobodyCrowded } from "../server/tcp.ts";
import type { UdpPlane } from "../server/udp-plane.ts";
import { nodeLocal } from "./node-local.ts";

/** A data plane that has no socket left. */
const full: UdpPlane = {
  async bind() {
    throw new Error("nothing is to be bound here");
  },
  adopt: (fd) => ({
    port: 0,
    serve() {
      throw new Error("more than 8192 sockets");
    },
    close: () => closeSync(fd),
  }),
};

test.skipIf(whyNot)(
  `a node-local listener for which the data plane has no room leaves no socket${skipped}`,
  async () => {
    const listener = nodeLocal({
      plane: full,
      handler: { handle: async () => undefined },
      isServing: () => true,
      crowded: nobodyCrowded(),
      clock: systemClock,
      log: silentLog,
    });
    const wanted = { address: "169.254.20.10", intercept: [], upstreams: [] };
    const before = openDescriptors();
    await expect(listener.prepare(wanted as never)).rejects.toThrow("more than 8192 sockets");
    expect(openDescriptors()).toBe(before);
    await listener.close();
  },
);
