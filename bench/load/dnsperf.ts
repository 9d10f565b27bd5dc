import { spawnSync } from "node:child_process";
import { has } from "../../test/support/requirements.ts";
import type { Server } from "../peers/peer.ts";

/** Clients, each with a socket of its own, and queries outstanding, of all together. */
const CLIENTS = 8;
const WINDOW = 200;

export interface Flood {
  /** Answered ones. */
  readonly queries: number;
  readonly lost: number;
  readonly seconds: number;
}

export const dnsperfMissing = (): string | undefined =>
  has("dnsperf") ? undefined : "needs dnsperf (Debian: dnsperf)";

export function dnsperfVersion(): string {
  // It writes that to stderr, and has no option for it.
  const { stdout, stderr } = spawnSync("dnsperf", ["-h"], { encoding: "utf8" });
  return /Version (\d[\d.]*)/.exec(stdout + stderr)?.[1] ?? "unknown";
}

/** `dnsperf -c 8 -q 200` for so long; `queries` is the path of its file. Throws if an answer is not NOERROR. */
export async function dnsperf(server: Server, queries: string, seconds: number): Promise<Flood> {
  const args = ["-s", server.address, "-p", String(server.port), "-d", queries, "-l", String(seconds)];
  const { status, stdout, stderr } = await server.run(
    "dnsperf",
    [...args, "-c", String(CLIENTS), "-q", String(WINDOW), "-O", "suppress=timeout"],
    { timeoutMs: 1000 * seconds + 60_000 },
  );
  const number = (label: string): number => Number(new RegExp(`${label}:\\s+([\\d.]+)`).exec(stdout)?.[1]);
  const rcodes = /Response codes:\s+(.*)/.exec(stdout)?.[1] ?? "none";
  if (status !== 0 || !/^NOERROR \d+ \(100\.00%\)$/.test(rcodes))
    throw new Error(
      `Cannot measure ${server.name}: it answered ${rcodes}\n${stdout}${stderr}${server.log()}`,
    );
  return {
    queries: number("Queries completed"),
    lost: number("Queries lost"),
    seconds: number("Run time \\(s\\)"),
  };
}
