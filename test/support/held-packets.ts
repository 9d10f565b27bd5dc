import { closeSync, readFileSync } from "node:fs";
import { errnoName, libc } from "../../src/linux/libc.ts";
import { inNamespace, openNamespace } from "../../src/linux/namespace.ts";
import { attribute, type NetlinkMessage, netfilterSocket, transact } from "../../src/linux/netlink.ts";
import { until } from "./engine.ts";
import type { Node } from "./world.ts";

// linux/netfilter/nfnetlink_queue.h.
const NFNL_SUBSYS_QUEUE = 3;
const NFQNL_MSG_PACKET = 0;
const NFQNL_MSG_VERDICT = 1;
const NFQNL_MSG_CONFIG = 2;
const NFQA_PACKET_HDR = 1;
const QUEUE = 7;

/** Packets that are held just before connection tracking enters them. */
interface Hold {
  waiting(): number;
  /** Lets all go that wait, one after the other. */
  release(): void;
  close(): Promise<void>;
}

/** Holds what leaves the namespace and `match` of nft says. */
async function openHold(node: Node, match: string): Promise<Hold> {
  const namespace = openNamespace(node.netns);
  const netlink = netfilterSocket(namespace);
  async function close(): Promise<void> {
    await node.run("nft", ["delete chain ip filter late"]);
    await node.run("sh", ["-c", "iptables -F HOLD; iptables -X HOLD"]);
    closeSync(netlink);
    namespace.close();
  }
  try {
    transact(netlink, [config(1, Uint8Array.of(1, 0, 0, 0)), config(2, Uint8Array.of(0, 0, 0, 0, 1))]);
    await run(node, "iptables", "-N", "HOLD");
    await run(node, "iptables", "-A", "HOLD", "-j", "NFQUEUE", "--queue-num", String(QUEUE));
    // After SNAT (100), where no table of iptables has a chain. nft's own `queue` is not in every kernel.
    const chain = `{ type filter hook postrouting priority 200; ${match} jump HOLD; }`;
    await run(node, "nft", `table ip filter { chain late ${chain}; }`);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    waiting() {
      const proc = "/proc/thread-self/net/netfilter/nfnetlink_queue";
      const [, , waiting] = inNamespace(namespace, () => readFileSync(proc, "utf8"))
        .trim()
        .split(/\s+/);
      return Number(waiting);
    },
    release() {
      const held = packets(netlink).map(verdict);
      if (held.length > 0) transact(netlink, held);
    },
    close,
  };
}

/**
 * Holds the DNS packets that leave a namespace just before connection tracking enters them, so that several are on their
 * way at once, as with several processors. `send` sends them; resolves when `count` were held and all were let go.
 */
export async function heldTogether(node: Node, count: number, send: () => Promise<unknown>): Promise<void> {
  const hold = await openHold(node, "udp dport 53");
  try {
    await send();
    await until("all are held", async () => hold.waiting() === count);
    hold.release();
  } finally {
    await hold.close();
  }
}

const LOOK_MS = 5;
/** The second of a pair follows the first at once, if there is one. */
const ALONE_LOOKS = 4;

/** The same all the time, for as many as come together; returns what ends it. */
export async function holdPairs(node: Node, match: string): Promise<() => Promise<void>> {
  const hold = await openHold(node, match);
  let looks = 0;
  const timer = setInterval(() => {
    const waiting = hold.waiting();
    looks = waiting === 1 ? looks + 1 : 0;
    if (waiting > 1 || looks === ALONE_LOOKS) hold.release();
  }, LOOK_MS);
  return async () => {
    clearInterval(timer);
    hold.release();
    await hold.close();
  };
}

async function run(node: Node, program: string, ...args: string[]): Promise<void> {
  const { status, stderr } = await node.run(program, args);
  if (status !== 0) throw new Error(`Cannot hold packets: ${stderr}`);
}

function message(type: number, about: string, ...attributes: Uint8Array[]): NetlinkMessage {
  // struct nfgenmsg with the queue's number.
  const payload = Buffer.concat([Uint8Array.of(0, 0, 0, QUEUE), ...attributes]);
  return { type: (NFNL_SUBSYS_QUEUE << 8) | type, flags: 0, payload, about };
}

function config(type: number, value: Uint8Array): NetlinkMessage {
  return message(NFQNL_MSG_CONFIG, "the queue", attribute(type, value));
}

/** NF_ACCEPT. */
function verdict(id: Buffer): NetlinkMessage {
  return message(
    NFQNL_MSG_VERDICT,
    "a verdict",
    attribute(2, Buffer.concat([Uint8Array.of(0, 0, 0, 1), id])),
  );
}

/** The numbers of the packets that wait, in the order in which they came. */
function packets(netlink: number): Buffer[] {
  const buffer = Buffer.alloc(64 * 1024);
  const ids: Buffer[] = [];
  try {
    for (;;) {
      const length = libc().recv(netlink, buffer, 0);
      for (let at = 0; at < length; at += (buffer.readUInt32LE(at) + 3) & ~3) {
        if (buffer.readUInt16LE(at + 4) !== ((NFNL_SUBSYS_QUEUE << 8) | NFQNL_MSG_PACKET)) continue;
        // Its first attribute.
        if (buffer.readUInt16LE(at + 22) !== NFQA_PACKET_HDR) throw new Error("Cannot read a held packet");
        ids.push(Buffer.from(buffer.subarray(at + 24, at + 28)));
      }
    }
  } catch (error) {
    if (errnoName(error) !== "EAGAIN") throw error;
  }
  return ids;
}
