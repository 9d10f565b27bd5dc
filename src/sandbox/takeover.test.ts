import { execFileSync } from "node:child_process";
import { closeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Namespace, openNamespace } from "../linux/namespace.ts";
import { namespaceFixture, openDescriptors, whyNot } from "../linux/namespace-fixture.suite.ts";
import { arrives, serverSockets } from "../linux/sockets.ts";
import { EMBEDDED_DNS } from "./attachment.ts";
import { prepareTakeover, type Takeover } from "./takeover.ts";
import { ALIVE_MS } from "./takeover-table.ts";

const reason = whyNot ?? reasonWithoutIptables();

describe.skipIf(reason !== undefined)(
  `a take-over${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const namespaces = namespaceFixture();
    let namespace: Namespace;
    let udp: number;
    let tcp: number;
    let takeover: Takeover | undefined;

    beforeEach(() => {
      const path = namespaces.add();
      // Like Docker's: whatever is sent to the address goes to a port where somebody else listens.
      const rule = ["-t", "nat", "-A", "OUTPUT", "-d", "127.0.0.11", "-p", "udp", "--dport", "53"];
      execFileSync("nsenter", [
        `--net=${path}`,
        "iptables",
        ...rule,
        "-j",
        "DNAT",
        "--to",
        "127.0.0.11:5300",
      ]);
      namespace = openNamespace(path);
      ({ udp, tcp } = serverSockets(namespace, EMBEDDED_DNS));
    });
    afterEach(async () => {
      await takeover?.close();
      takeover = undefined;
      for (const fd of [udp, tcp]) closeSync(fd);
      namespace.close();
      await namespaces.cleanup();
    });

    it("begins with the first beat", () => {
      expect(arrives(namespace, EMBEDDED_DNS, udp)).toBe(false);
      takeover = prepareTakeover(namespace, EMBEDDED_DNS, udp);
      expect(arrives(namespace, EMBEDDED_DNS, udp)).toBe(false);
      expect(takeover.beat()).toBe(true);
      expect(arrives(namespace, EMBEDDED_DNS, udp)).toBe(true);
    });

    it("ends when it is handed back, and no beat revives it", () => {
      takeover = prepareTakeover(namespace, EMBEDDED_DNS, udp);
      takeover.beat();
      takeover.handBack();
      expect(takeover.beat()).toBe(false);
      expect(arrives(namespace, EMBEDDED_DNS, udp)).toBe(false);
    });

    it("ends by itself where nobody beats, and goes on with the next beat", async () => {
      takeover = prepareTakeover(namespace, EMBEDDED_DNS, udp);
      takeover.beat();
      // The kernel's own time: no clock of ours is asked.
      await delay(ALIVE_MS + 50);
      expect(arrives(namespace, EMBEDDED_DNS, udp)).toBe(false);
      expect(takeover.beat()).toBe(true);
      expect(arrives(namespace, EMBEDDED_DNS, udp)).toBe(true);
    });

    it("leaves no descriptor, whether it was begun or refused", async () => {
      const before = openDescriptors();
      takeover = prepareTakeover(namespace, EMBEDDED_DNS, udp);
      expect(() => prepareTakeover(namespace, EMBEDDED_DNS, udp)).toThrow();
      await takeover.close();
      takeover = undefined;
      await expect.poll(openDescriptors).toBe(before);
    });
  },
);

function reasonWithoutIptables(): string | undefined {
  try {
    execFileSync("iptables", ["-V"]);
    return undefined;
  } catch {
    return "needs iptables";
  }
}
