import { execFileSync } from "node:child_process";
import { closeSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Namespace, openNamespace } from "./namespace.ts";
import { namespaceFixture, skipped, whyNot, whyNotNft } from "./namespace-fixture.suite.ts";
import { NetlinkError, netfilterSocket, transact } from "./netlink.ts";
import {
  accept,
  type DynamicSet,
  deleteTable,
  destinationPort,
  drop,
  hasBits,
  ipDestination,
  ipProtocol,
  ipSource,
  is,
  isForThisMachine,
  isIn,
  isNot,
  newOwnedTable,
  notrack,
  remove,
  sourcePort,
  type Table,
  tcpFlags,
  update,
} from "./nftables.ts";

const one: DynamicSet = { name: "one", key: [ipDestination], timeoutMs: 2500, size: 16 };
const pair: DynamicSet = { name: "pair", key: [ipSource, sourcePort], timeoutMs: 60_000, size: 4096 };
const udp = is(ipProtocol, 17);
const TABLE: Table = {
  name: "t",
  sets: [one, pair],
  chains: [
    {
      hook: "output",
      rules: [
        [isNot(ipSource, "10.0.0.1"), accept],
        [is(ipDestination, "10.0.0.2"), udp, is(destinationPort, 5353), update(one, ipDestination), drop],
        [is(ipProtocol, 6), hasBits(tcpFlags, 0x12, 0x02), isIn(pair, ipSource, sourcePort), notrack],
        [remove(pair, ipSource, sourcePort)],
      ],
    },
    { hook: "prerouting", rules: [[is(ipDestination, "10.0.0.3"), isForThisMachine, notrack]] },
  ],
};

describe.skipIf(whyNot !== undefined)(`nftables${skipped}`, () => {
  const namespaces = namespaceFixture();
  let path: string;
  let namespace: Namespace;
  let netlink: number;

  beforeEach(() => {
    path = namespaces.add();
    namespace = openNamespace(path);
    netlink = netfilterSocket(namespace);
  });
  afterEach(async () => {
    closeSync(netlink);
    namespace.close();
    await namespaces.cleanup();
  });

  const nft = (...args: string[]) =>
    execFileSync("nsenter", [`--net=${path}`, "nft", ...args], { encoding: "utf8", stdio: "pipe" });

  it.skipIf(whyNotNft !== undefined)("makes the table that nft reads back", () => {
    transact(netlink, newOwnedTable(TABLE));
    expect(nft("list", "ruleset").replace(/ # progname.*/, "")).toBe(`table ip t {
	flags owner

	set one {
		type ipv4_addr
		size 16
		flags dynamic,timeout
		timeout 2s500ms
	}

	set pair {
		type ipv4_addr . inet_service
		size 4096
		flags dynamic,timeout
		timeout 1m
	}

	chain output {
		type filter hook output priority raw; policy accept;
		ip saddr != 10.0.0.1 accept
		ip daddr 10.0.0.2 udp dport 5353 update @one { ip daddr } drop
		tcp flags syn / syn,ack ip saddr . tcp sport @pair notrack
		delete @pair { ip saddr . th sport }
	}

	chain prerouting {
		type filter hook prerouting priority raw; policy accept;
		ip daddr 10.0.0.3 fib daddr type local notrack
	}
}
`);
  });

  it.skipIf(whyNotNft !== undefined)(
    "keeps others from the table, and takes it along when its socket is closed",
    () => {
      transact(netlink, newOwnedTable(TABLE));
      expect(() => nft("delete", "table", "ip", "t")).toThrow(/Operation not permitted/);
      nft("flush", "ruleset");
      expect(nft("list", "tables")).toContain("table ip t");
      closeSync(netlink);
      expect(nft("list", "tables")).toBe("");
      netlink = netfilterSocket(namespace);
    },
  );

  it("deletes it when asked", () => {
    transact(netlink, newOwnedTable(TABLE));
    transact(netlink, deleteTable("t"));
    transact(netlink, newOwnedTable(TABLE));
  });

  it("is refused as a whole, with what was refused and why", () => {
    transact(netlink, newOwnedTable(TABLE));
    expect(() => transact(netlink, newOwnedTable(TABLE))).toThrow(
      expect.objectContaining({ code: "EEXIST", about: "table t" }),
    );
    const other = netfilterSocket(namespace);
    expect(() => transact(other, deleteTable("t"))).toThrow(NetlinkError);
    closeSync(other);
  });

  it.skipIf(process.seteuid === undefined)("is not permitted to just anybody", () => {
    process.seteuid?.(65534);
    try {
      expect(() => transact(netlink, newOwnedTable(TABLE))).toThrow(
        expect.objectContaining({ code: "EPERM", about: "the right to change nftables" }),
      );
    } finally {
      process.seteuid?.(0);
    }
  });
});
