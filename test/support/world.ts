import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canMakeNamespaces } from "./requirements.ts";

/**
 * A small world of network namespaces: a host with a bridge, containers on it, upstreams. Everything in it has a
 * random name, nothing reaches the machine's own network, and `destroy` removes it all.
 */
export interface World {
  /** A folder for configuration, sockets and logs. */
  readonly folder: string;
  /** The namespace in which the daemon runs. */
  readonly host: Node;
  /** A container on the host's bridges; `addresses` are `10.5.0.2/24`, `fd05::2/64`, each with its bridge. */
  container(name: string, addresses: Readonly<Record<string, readonly string[]>>): Node;
  bridge(name: string, ...addresses: readonly string[]): void;
  write(file: string, text: string): string;
  destroy(): Promise<void>;
}

/** One namespace. */
export interface Node {
  readonly name: string;
  /** `/run/netns/…` */
  readonly netns: string;
  /** Runs a program to its end; a failing one gives its status, never a throw. */
  run(command: string, args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** Starts a program that runs until the world ends or `kill` is called; with `input`, it has a stdin. */
  start(command: string, args: readonly string[], options?: StartOptions): ChildProcess;
}

export interface StartOptions {
  readonly env?: Record<string, string>;
  readonly input?: boolean;
}

export interface RunOptions {
  /** Text of `/etc/resolv.conf` as this program shall see it. */
  readonly resolvConf?: string;
  /** Text of `/etc/hosts`, likewise. */
  readonly hosts?: string;
  /** Text of `/etc/gai.conf`, likewise. */
  readonly gaiConf?: string;
  readonly input?: string;
  readonly timeoutMs?: number;
}

export interface Ran {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export function createWorld(): World {
  if (!canMakeNamespaces()) throw new Error("Cannot make namespaces: root on Linux with iproute2 is needed");
  const tag = `el-${randomBytes(3).toString("hex")}`;
  const folder = mkdtempSync(join(tmpdir(), "eleven-world-"));
  const namespaces: string[] = [];
  const children = new Set<ChildProcess>();
  let links = 0;

  function node(name: string): Node {
    const namespace = `${tag}-${name}`;
    ip("netns", "add", namespace);
    namespaces.push(namespace);
    ip("-n", namespace, "link", "set", "lo", "up");
    const netns = `/run/netns/${namespace}`;
    const enter = (command: string, args: readonly string[]): string[] => [
      `--net=${netns}`,
      command,
      ...args,
    ];

    function start(command: string, args: readonly string[], options: StartOptions = {}) {
      const env = { ...process.env, ...options.env };
      const child = spawn("nsenter", enter(command, args), {
        env,
        stdio: [options.input ? "pipe" : "ignore", "pipe", "pipe"],
      });
      children.add(child);
      child.once("exit", () => children.delete(child));
      return child;
    }

    function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Ran> {
      const [program, ...rest] = withFiles(folder, command, args, options);
      return finish(spawn("nsenter", enter(program as string, rest)), options);
    }
    return { name, netns, start, run };
  }

  const host = node("host");

  return {
    folder,
    host,
    bridge(name, ...addresses) {
      const on = ["-n", `${tag}-host`];
      ip(...on, "link", "add", name, "type", "bridge");
      for (const address of addresses) ip(...on, "address", "add", address, "dev", name, ...nodad(address));
      ip(...on, "link", "set", name, "up");
    },
    container(name, attached) {
      const container = node(name);
      for (const [bridge, addresses] of Object.entries(attached)) {
        const [inside, outside] = [`eth${links}`, `ve${links++}`];
        const namespace = `${tag}-${name}`;
        ip(
          "link",
          "add",
          outside,
          "netns",
          `${tag}-host`,
          "type",
          "veth",
          "peer",
          inside,
          "netns",
          namespace,
        );
        ip("-n", `${tag}-host`, "link", "set", outside, "master", bridge, "up");
        for (const address of addresses)
          ip("-n", namespace, "address", "add", address, "dev", inside, ...nodad(address));
        ip("-n", namespace, "link", "set", inside, "up");
      }
      return container;
    },
    write(file, text) {
      const path = join(folder, file);
      writeFileSync(path, text);
      return path;
    },
    async destroy() {
      await Promise.all([...children].map((child) => end(child)));
      for (const namespace of namespaces) ip("netns", "delete", namespace);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Ends a process and waits for its end. */
export function end(child: ChildProcess, signal: NodeJS.Signals = "SIGKILL"): Promise<number | null> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve(child.exitCode);
    child.once("exit", (code) => resolve(code));
    child.kill(signal);
  });
}

/** Runs a program to its end. */
export function finish(child: ChildProcess, options: RunOptions = {}): Promise<Ran> {
  return new Promise((resolve, reject) => {
    let stdout = "";
    let stderr = "";
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), options.timeoutMs ?? 30_000);
    child.once("error", reject);
    child.once("close", (status) => {
      clearTimeout(timer);
      resolve({ status, stdout, stderr });
    });
    // A program may end without having read its input.
    child.stdin?.on("error", () => {});
    child.stdin?.end(options.input ?? "");
  });
}

/** The same command with private copies of files of /etc mounted over the machine's, for it alone. */
function withFiles(folder: string, command: string, args: readonly string[], options: RunOptions): string[] {
  const mounts: string[] = [];
  for (const [file, text] of [
    ["resolv.conf", options.resolvConf] as const,
    ["hosts", options.hosts] as const,
    ["gai.conf", options.gaiConf] as const,
  ]) {
    if (text === undefined) continue;
    const path = join(folder, `${file}-${randomBytes(4).toString("hex")}`);
    writeFileSync(path, text);
    mounts.push(`mount --bind ${path} /etc/${file}`);
  }
  if (mounts.length === 0) return [command, ...args];
  const script = `${mounts.join(" && ")} && exec "$@"`;
  return ["unshare", "--mount", "--propagation", "private", "sh", "-c", script, "sh", command, ...args];
}

function ip(...args: string[]): void {
  execFileSync("ip", args, { stdio: ["ignore", "ignore", "pipe"] });
}

/** Without duplicate address detection an IPv6 address works at once. */
function nodad(address: string): string[] {
  return address.includes(":") ? ["nodad"] : [];
}
