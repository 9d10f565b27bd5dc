import { end, type Node } from "../../test/support/world.ts";
import type { Host } from "../zone.ts";

/** Where servers run: one network namespace, and a folder for their files. */
export interface Place {
  readonly folder: string;
  readonly run: Node["run"];
  readonly start: Node["start"];
  /** Writes a file in the folder, and gives its path. */
  write(file: string, text: string): string;
}

/** A kind of server that can be put under test. */
export interface Peer {
  readonly name: string;
  /** Why it can't run here, with the Debian package that has it; undefined if it can. */
  missing(): string | undefined;
  version(): string;
  /** It need not answer yet when the promise resolves. */
  start(place: Place, task: Task): Promise<Server>;
}

export interface Task {
  /** The server's own; its port is 53. */
  readonly address: string;
  readonly zone: readonly Host[];
  /** Whom it asks for other names, if anybody. */
  readonly upstreams?: readonly string[];
  /** What its cache may take; without it, its own default. */
  readonly cacheBytes?: number;
}

/** A server under test, from its start until `stop`. */
export interface Server {
  readonly name: string;
  /** All processes of which it consists. */
  readonly pids: readonly number[];
  readonly address: string;
  readonly port: number;
  /** Runs a client's program where the server can be asked. */
  readonly run: Node["run"];
  /** Makes it the one that answers, where several share an address. */
  prepare?(): Promise<void>;
  /** What it says itself that its cache takes. */
  cacheOctets?(): Promise<number>;
  /** Has it free what it no longer needs, where a collector would do so later. */
  collect?(): Promise<void>;
  /** The end of what it has written. */
  log(): string;
  stop(): Promise<void>;
}

export const PORT = 53;
const LOG_CHARACTERS = 2000;

/** The server that this program of the place is. */
export function server(name: string, place: Place, address: string, [command, ...args]: string[]): Server {
  const child = place.start(command!, args);
  let log = "";
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding("utf8").on("data", (text: string) => {
      log = (log + text).slice(-LOG_CHARACTERS);
    });
  if (child.pid === undefined) throw new Error(`Cannot start ${command}: it can't be executed`);
  return {
    name,
    // nsenter becomes the program, so this is its process.
    pids: [child.pid],
    address,
    port: PORT,
    run: place.run,
    log: () => log,
    stop: async () => void (await end(child, "SIGTERM")),
  };
}
