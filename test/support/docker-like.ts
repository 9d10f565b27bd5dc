import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { end, finish, type Node, type Ran } from "./world.ts";

const STAND_IN = fileURLToPath(new URL("./stand-in.mjs", import.meta.url));
const KEEPING = fileURLToPath(new URL("./keeping.mjs", import.meta.url));
const STORM = fileURLToPath(new URL("./storm.mjs", import.meta.url));

/** What the stand-in for Docker's resolver answers to every A query. */
export const DOCKERS_ANSWER = "192.0.2.11";

/** A resolver behind NAT rules like Docker's, in a container's namespace. */
export interface DockerLike {
  readonly ports: { readonly udp: string; readonly tcp: string };
  /** As a restart of dockerd: other ports, and rules for these. */
  restart(): Promise<void>;
}

export async function dockerLike(node: Node): Promise<DockerLike> {
  let [child, ports] = await standIn(node, [DOCKERS_ANSWER]);
  await rules(node, ports);
  return {
    get ports() {
      return ports;
    },
    async restart() {
      child.kill("SIGKILL");
      [child, ports] = await standIn(node, [DOCKERS_ANSWER]);
      await rules(node, ports);
    },
  };
}

/** A resolver of Docker's that has certain records, whoever has the names now. */
export interface KeepingEngine {
  /** Takes other records, when it resolves. */
  keep(records: Readonly<Record<string, readonly string[]>>): Promise<void>;
  /** Stops answering, its sockets still there, as dockerd when it hangs. */
  hang(): void;
  /** Its sockets go, its rules stay: dockerd is down. */
  kill(): Promise<void>;
}

/** Docker's rules, and behind them test/support/keeping.mjs. */
export async function keepingEngine(
  node: Node,
  records: Readonly<Record<string, readonly string[]>>,
): Promise<KeepingEngine> {
  const child = node.start(process.execPath, [KEEPING, JSON.stringify(records)], { input: true });
  const [chunk]: unknown[] = await once(child.stdout!, "data");
  const [udp, tcp] = String(chunk).trim().split(" ");
  await rules(node, { udp: udp!, tcp: tcp! });
  return {
    async keep(other) {
      const kept = once(child.stdout!, "data");
      child.stdin!.write(`${JSON.stringify(other)}\n`);
      await kept;
    },
    hang: () => void child.kill("SIGSTOP"),
    async kill() {
      await end(child);
    },
  };
}

/** Starts test/support/stand-in.mjs. */
export async function standIn(
  node: Node,
  args: readonly string[],
): Promise<[child: ChildProcess, ports: { udp: string; tcp: string }]> {
  const child = node.start(process.execPath, [STAND_IN, ...args]);
  const [chunk]: unknown[] = await once(child.stdout!, "data");
  const [udp, tcp] = String(chunk).trim().split(" ");
  return [child, { udp: udp!, tcp: tcp! }];
}

/** The very rules of libnetwork (resolver_unix.go, setupIPTable), as it replaces them. */
async function rules(node: Node, { udp, tcp }: { udp: string; tcp: string }): Promise<void> {
  const script = `
    set -e
    iptables -t nat -F; iptables -t nat -X
    iptables -t nat -N DOCKER_OUTPUT; iptables -t nat -N DOCKER_POSTROUTING
    iptables -t nat -A OUTPUT -d 127.0.0.11 -j DOCKER_OUTPUT
    iptables -t nat -A DOCKER_OUTPUT -d 127.0.0.11 -p udp --dport 53 -j DNAT --to-destination 127.0.0.11:${udp}
    iptables -t nat -A DOCKER_POSTROUTING -s 127.0.0.11 -p udp --sport ${udp} -j SNAT --to-source :53
    iptables -t nat -A DOCKER_OUTPUT -d 127.0.0.11 -p tcp --dport 53 -j DNAT --to-destination 127.0.0.11:${tcp}
    iptables -t nat -A DOCKER_POSTROUTING -s 127.0.0.11 -p tcp --sport ${tcp} -j SNAT --to-source :53
    iptables -t nat -A POSTROUTING -d 127.0.0.11 -j DOCKER_POSTROUTING`;
  const ran = await node.run("sh", ["-c", script]);
  if (ran.status !== 0) throw new Error(`Cannot make rules like Docker's: ${ran.stderr}`);
}

export interface StormReport {
  readonly sent: number;
  /** By the address that was answered, or `rcode N`; times are those of the wall clock. */
  readonly by: Readonly<Record<string, { count: number; first: number; last: number; slowestMs: number }>>;
  /** Queries without an answer; `at` is when they were sent. */
  readonly lost: readonly { readonly at: number; readonly outcome: string }[];
}

export interface Storm {
  /** Asks no more, waits for the stragglers. */
  end(): Promise<StormReport>;
}

export type StormMode = "fixed" | "fresh" | "tcp" | "kept";

/** Starts test/support/storm.mjs in the namespace into which `nsenter` with these arguments leads. */
export async function startStorm(
  enter: readonly string[],
  options: { name: string; mode: StormMode; intervalMs?: number; graceMs?: number },
): Promise<Storm> {
  const { name, mode, intervalMs = 2, graceMs = 1500 } = options;
  const args = [...enter, process.execPath, STORM, name, String(intervalMs), mode, String(graceMs)];
  const child = spawn("nsenter", args, { stdio: ["pipe", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return {
    async end() {
      const ran: Ran = await finish(child);
      return JSON.parse(ran.stdout) as StormReport;
    },
  };
}
