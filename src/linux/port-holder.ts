import { readdirSync, readFileSync, readlinkSync, statSync } from "node:fs";
import { basename } from "node:path";
import type { SocketAddress } from "../base/address.ts";
import { inNamespace, type Namespace } from "./namespace.ts";

/** The state of a listening TCP socket, and of a UDP socket that is bound only (include/net/tcp_states.h). */
const LISTENS = { tcp: "0A", udp: "07" } as const;

/**
 * The process that keeps us from binding an IPv4 address in the namespace, as `dnsmasq (pid 812)`: it has bound
 * that address or the wildcard. Undefined if it is none of the namespace's own processes. Never throws. Goes
 * through /proc, so it is for error messages.
 */
export function portHolder(namespace: Namespace, at: SocketAddress): string | undefined {
  try {
    const inodes = socketsAt(namespace, at);
    const pids = readdirSync("/proc").filter((name) => /^\d+$/.test(name));
    const pid = pids.find((pid) => holds(pid, namespace, inodes));
    // By its program: its own name (`comm`) may be a thread's, "MainThread" for Node 24.
    return pid === undefined ? undefined : `${basename(readlinkSync(`/proc/${pid}/exe`))} (pid ${pid})`;
  } catch {
    return undefined;
  }
}

/** The ports that UDP sockets in the namespace have bound at one of these IPv4 addresses. Throws as `inNamespace` does. */
export function udpPorts(namespace: Namespace, ...addresses: readonly string[]): ReadonlySet<number> {
  const here = addresses.map(littleEndian);
  const rows = inNamespace(namespace, () => tableRows("udp"));
  const sockets = rows.map(([, local = "", , state]) => ({ local: local.split(":"), state }));
  return new Set(
    sockets
      .filter(({ local, state }) => here.includes(local[0]!) && state === LISTENS.udp)
      .map(({ local }) => Number.parseInt(local[1]!, 16)),
  );
}

/** The inode numbers of the sockets in the way, as the kernel lists them (proc_net_tcp(5)). */
function socketsAt(namespace: Namespace, { address, port }: SocketAddress): Set<string> {
  const portHex = hex([port >> 8, port & 0xff]);
  const wanted = [littleEndian(address), "0".repeat(8), "0".repeat(32)].map((local) => `${local}:${portHex}`);
  const rows = inNamespace(namespace, () => ["udp", "udp6", "tcp", "tcp6"].flatMap(tableRows));
  return new Set(
    rows
      .filter(
        ([, local = "", , state]) =>
          wanted.includes(local) && (state === LISTENS.tcp || state === LISTENS.udp),
      )
      .map((row) => row[9] ?? ""),
  );
}

/** Of a table of the namespace that the calling thread is in. */
function tableRows(name: string): string[][] {
  // `/proc/net` would be the main thread's, whichever thread asks.
  const text = readFileSync(`/proc/thread-self/net/${name}`, "utf8");
  return text.split("\n").map((row) => row.trim().split(/\s+/));
}

const littleEndian = (address: string): string => hex(address.split(".").reverse().map(Number));

function holds(pid: string, namespace: Namespace, inodes: ReadonlySet<string>): boolean {
  try {
    const { dev, ino } = statSync(`/proc/${pid}/ns/net`);
    if (`${dev}:${ino}` !== namespace.identity) return false;
    const directory = `/proc/${pid}/fd`;
    return readdirSync(directory).some((fd) => {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`${directory}/${fd}`))?.[1];
      return inode !== undefined && inodes.has(inode);
    });
  } catch {
    // It ended while we looked, or even root may not look into it (seccomp, another user namespace).
    return false;
  }
}

function hex(octets: readonly number[]): string {
  return Buffer.from(octets).toString("hex").toUpperCase();
}
