import type { ChildProcess } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { AttachReport, QueryReport, StatusReport } from "../../src/api/control.ts";
import type { HistoryEntry, RegistryRecord } from "../../src/registry/model.ts";
import { end, type Ran, type World } from "./world.ts";

const BIN = fileURLToPath(new URL("../../bin/eleven", import.meta.url));

/** A daemon that runs in a world's host namespace, and its commands. */
export interface Eleven {
  readonly process: ChildProcess;
  readonly socket: string;
  /** All it has written to stderr so far. */
  log(): string;
  /** A command with --json; fails the test if it prints anything but JSON. */
  json<T>(...args: readonly string[]): Promise<{ status: number | null; value: T }>;
  command(...args: readonly string[]): Promise<Ran>;
  status(): Promise<StatusReport>;
  query(...args: readonly string[]): Promise<QueryReport>;
  records(...args: readonly string[]): Promise<RegistryRecord[]>;
  history(...args: readonly string[]): Promise<HistoryEntry[]>;
  attach(...containers: readonly string[]): Promise<AttachReport>;
  /** Resolves when the registry has passed this revision. */
  revisionAfter(revision: number): Promise<number>;
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** Starts `eleven serve` with this configuration (YAML, without `socket:`) and waits until it is ready. */
export async function startEleven(
  world: World,
  yaml: string,
  env: Record<string, string> = {},
): Promise<Eleven> {
  const socket = join(world.folder, "eleven.sock");
  const config = world.write("eleven.yaml", `socket: ${socket}\n${yaml}`);
  const process = world.host.start(globalThis.process.execPath, [BIN, "serve", "--config", config], { env });
  let log = "";
  process.stderr?.setEncoding("utf8").on("data", (text: string) => {
    log += text;
  });
  process.stdout?.resume();

  const command = (...args: readonly string[]): Promise<Ran> =>
    world.host.run(globalThis.process.execPath, [BIN, ...args, "--socket", socket]);
  async function json<T>(...args: readonly string[]): Promise<{ status: number | null; value: T }> {
    const ran = await command(...args, "--json");
    try {
      return { status: ran.status, value: JSON.parse(ran.stdout) as T };
    } catch {
      throw new Error(`eleven ${args.join(" ")} gave no JSON: ${ran.stdout}${ran.stderr}`);
    }
  }
  const value = async <T>(...args: readonly string[]): Promise<T> => (await json<T>(...args)).value;

  const eleven: Eleven = {
    process,
    socket,
    log: () => log,
    json,
    command,
    status: () => value("status"),
    query: (...args) => value("query", ...args),
    records: (...args) => value("records", ...args),
    history: (...args) => value("history", ...args),
    attach: (...containers) => value("attach", ...containers),
    async revisionAfter(revision) {
      for (;;) {
        const status = await eleven.status();
        if (status.revision > revision) return status.revision;
      }
    },
    stop: (signal = "SIGTERM") => end(process, signal),
  };
  const waited = await command("status", "--wait", "10");
  if (waited.status !== 0)
    throw new Error(`eleven did not become ready: ${waited.stdout}${waited.stderr}${log}`);
  return eleven;
}
