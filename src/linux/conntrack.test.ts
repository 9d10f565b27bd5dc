import { execFileSync } from "node:child_process";
import { closeSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { conversationOf, conversations, forgetUdp } from "./conntrack.ts";
import { type Namespace, openNamespace } from "./namespace.ts";
import { namespaceFixture, whyNot } from "./namespace-fixture.suite.ts";
import { netfilterSocket } from "./netlink.ts";

const reason = whyNot ?? reasonWithoutTools();
const DNS = { address: "127.0.0.11", port: 53 };
/** More than one reading of the kernel's list holds. */
const MANY = 1000;

describe.skipIf(reason !== undefined)(
  `connection tracking${reason === undefined ? "" : ` (skipped: ${reason})`}`,
  () => {
    const namespaces = namespaceFixture();
    let path: string;
    let namespace: Namespace;
    let netlink: number;

    beforeEach(() => {
      path = namespaces.add();
      inside(
        "iptables",
        "-t",
        "nat",
        "-A",
        "OUTPUT",
        "-p",
        "udp",
        "--dport",
        "53",
        "-j",
        "DNAT",
        "--to",
        ":5300",
      );
      namespace = openNamespace(path);
      netlink = netfilterSocket(namespace);
    });
    afterEach(async () => {
      closeSync(netlink);
      namespace.close();
      await namespaces.cleanup();
    });

    const inside = (...command: string[]) =>
      execFileSync("nsenter", [`--net=${path}`, ...command], { encoding: "utf8", stdio: "pipe" });
    const entries = () => inside("conntrack", "-L").split("\n").filter(Boolean);
    const send = (count: number, address: string, port: number) =>
      inside(process.execPath, "-e", sender(count, address, port));

    it("tells conversations by their port, and one by both of its ends, with where NAT leads it", () => {
      send(2, "127.0.0.11", 53);
      send(1, "127.0.0.11", 54);
      const found = conversations(netlink, 53);
      expect(found).toHaveLength(2);
      expect(found).toEqual(
        found.map(({ client }) => ({
          client: { address: "127.0.0.1", port: client.port },
          to: DNS,
          server: { address: "127.0.0.11", port: 5300 },
          expiresInS: expect.any(Number),
        })),
      );
      const [{ client }] = found as [(typeof found)[number]];
      expect(conversationOf(netlink, { client, to: DNS })).toMatchObject({ client, to: DNS });
      expect(conversationOf(netlink, { client: { ...client, port: 1 }, to: DNS })).toBeUndefined();
    });

    it("forgets what was begun with one address and port over UDP, and nothing else", () => {
      send(2, "127.0.0.11", 53);
      send(1, "127.0.0.12", 53);
      send(1, "127.0.0.11", 54);
      expect(entries()).toHaveLength(4);
      expect(forgetUdp(netlink, DNS, () => true)).toBe(2);
      const left = entries().map((line) => /dst=(\S+) sport=\d+ dport=(\d+)/.exec(line)?.slice(1).join(":"));
      expect(left.sort()).toEqual(["127.0.0.11:54", "127.0.0.12:53"]);
      expect(forgetUdp(netlink, DNS, () => true)).toBe(0);
    });

    it("forgets those of a server", () => {
      send(2, "127.0.0.11", 53);
      const [{ server } = { server: DNS }] = conversations(netlink, 53);
      expect(server.port).not.toBe(53);
      expect(forgetUdp(netlink, DNS, ({ port }) => port !== server.port)).toBe(0);
      expect(forgetUdp(netlink, DNS, ({ port }) => port === server.port)).toBe(2);
    });

    it(`forgets ${MANY} at once`, () => {
      send(MANY, "127.0.0.11", 53);
      const before = entries().length;
      const begin = performance.now();
      expect(forgetUdp(netlink, DNS, () => true)).toBe(before);
      const took = performance.now() - begin;
      const again = performance.now();
      forgetUdp(netlink, DNS, () => true);
      process.stdout.write(
        `forgot ${before} entries in ${took.toFixed(1)} ms, none in ${(performance.now() - again).toFixed(1)} ms\n`,
      );
      expect(entries()).toEqual([]);
    });

    it.skipIf(process.seteuid === undefined)("is not for just anybody to change", () => {
      process.seteuid?.(65534);
      try {
        expect(() => forgetUdp(netlink, DNS, () => true)).toThrow(expect.objectContaining({ code: "EPERM" }));
      } finally {
        process.seteuid?.(0);
      }
    });
  },
);

function sender(count: number, address: string, port: number): string {
  return `
    const { createSocket } = require("node:dgram");
    for (let left = ${count}; left > 0; left--) {
      const socket = createSocket("udp4");
      socket.send("?", ${port}, "${address}", () => socket.close());
    }`;
}

function reasonWithoutTools(): string | undefined {
  try {
    for (const tool of ["iptables", "conntrack"]) execFileSync(tool, ["--version"], { stdio: "pipe" });
    return undefined;
  } catch {
    return "needs iptables and conntrack";
  }
}
