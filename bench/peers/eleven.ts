import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { version } from "../../src/version.ts";
import type { Ran } from "../../test/support/world.ts";
import { fileSource } from "../zone.ts";
import { type Peer, type Place, PORT, type Server, server } from "./peer.ts";

const BIN = fileURLToPath(new URL("../../bin/eleven", import.meta.url));
/**
 * A signal makes it free its garbage, twice, as pages are given back by the second time: what the collector lets lie
 * until later is not what a cache takes.
 */
const COLLECTING = [
  "--expose-gc",
  "--import",
  "data:text/javascript,process.on('SIGUSR2', () => (gc(), gc()))",
];
/** A file source of 100,000 containers is read in ten seconds or so. */
const READY_SECONDS = "120";

/** Ours, with a file source, on a plain listener. */
export const eleven: Peer = {
  name: "eleven",
  missing: () => undefined,
  version: () => version,
  async start(place, { address, zone, upstreams = [], cacheBytes }) {
    place.write("eleven.names.yaml", fileSource(zone));
    return startEleven(place, "eleven", address, {
      listen: [`${address}:${PORT}`],
      sources: [{ file: "eleven.names.yaml" }],
      upstreams,
      ...(cacheBytes !== undefined && { cache: { maxBytes: cacheBytes } }),
    });
  },
};

/** Ours while it runs. */
export interface Eleven extends Server {
  /** A command to it; a failing one throws what it wrote. */
  command(...args: string[]): Promise<string>;
}

/** Ready when the promise resolves. `config` is that of docs/config.md, without `socket`; `name` is of its files, too. */
export async function startEleven(
  place: Place,
  name: string,
  address: string,
  config: Readonly<Record<string, unknown>>,
): Promise<Eleven> {
  const socket = join(place.folder, `${name}.sock`);
  const path = place.write(`${name}.yaml`, JSON.stringify({ socket, ...config }));
  const started = server(name, place, address, [
    process.execPath,
    ...COLLECTING,
    BIN,
    "serve",
    "--config",
    path,
  ]);
  async function command(...args: string[]): Promise<string> {
    const ran: Ran = await place.run(process.execPath, [BIN, ...args, "--socket", socket], {
      timeoutMs: 1000 * Number(READY_SECONDS),
    });
    if (ran.status !== 0) throw new Error(`eleven ${args.join(" ")}: ${ran.stdout}${ran.stderr}`);
    return ran.stdout;
  }
  await command("status", "--wait", READY_SECONDS);
  async function cacheOctets(): Promise<number> {
    return (JSON.parse(await command("cache", "--json")) as { bytes: number }).bytes;
  }
  async function collect(): Promise<void> {
    for (const pid of started.pids) process.kill(pid, "SIGUSR2");
    // Answered by the thread that collects, so afterwards.
    await command("status");
  }
  return { ...started, command, cacheOctets, collect };
}
