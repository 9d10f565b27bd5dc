import { createServer, type Server } from "node:net";
import { networkInterfaces } from "node:os";
import { formatSocketAddress, type SocketAddress } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { errnoName } from "../linux/libc.ts";
import type { Namespace } from "../linux/namespace.ts";
import { isClaimed } from "../nodelocal/claim.ts";
import type { Client } from "../resolver/resolver.ts";
import type { Serve, WhoAsks } from "../sandbox/attachment.ts";
import type { Asker } from "../server/asker.ts";
import type { Handler } from "../server/handle.ts";
import type { Listener } from "../server/listener.ts";
import { type Crowded, SHARED_CONNECTIONS_MAX, tcpListener } from "../server/tcp.ts";
import type { UdpPlane, UdpSocket } from "../server/udp-plane.ts";
import type { Prepared } from "./prepared.ts";

/** Ports that the kernel is asked for where any will do: what is free for UDP, somebody may have for TCP. */
const PORT_TRIES = 16;

/** The plain listeners: those that the configuration names, besides the containers' own. */
export interface PlainListeners {
  /** Opens what is new in `wanted`; committing closes what is no longer there. Throws a CodedError LISTEN. */
  prepare(wanted: readonly SocketAddress[]): Promise<Prepared>;
  /** `127.0.0.1:5311`, in the order of the configuration. */
  names(): string[];
  close(): Promise<void>;
}

export function plainListeners(options: {
  readonly plane: UdpPlane;
  readonly handler: Handler;
  /** Whose address this is: the key of a sandbox, or undefined for the host's view. */
  readonly sandboxByAddress: (address: string) => string | undefined;
  readonly crowded: Crowded;
  readonly clock: Clock;
  readonly log: Logger;
}): PlainListeners {
  const { plane, handler, crowded, clock, log } = options;
  // By the address as configured; with port 0 the bound one is another.
  let open = new Map<string, { readonly name: string; readonly listeners: readonly Listener[] }>();

  const asker =
    (transport: "udp" | "tcp") =>
    (address: string): Client => ({ sandbox: options.sandboxByAddress(address), transport });

  async function listen(address: SocketAddress): Promise<{ name: string; listeners: Listener[] }> {
    for (let triesLeft = address.port === 0 ? PORT_TRIES : 1; ; ) {
      triesLeft -= 1;
      const socket = await bindUdp(plane, address);
      // For port 0 the kernel has chosen one for UDP, and TCP has to have the same.
      const bound = { address: address.address, port: socket.port };
      const name = formatSocketAddress(bound);
      try {
        const server = await listenTcp(bound);
        const udp = serveUdp(socket, `udp ${name}`, server);
        const tcp = tcpListener({
          name: `tcp ${name}`,
          server,
          asker: asker("tcp"),
          handler,
          connectionsMax: SHARED_CONNECTIONS_MAX,
          crowded,
          clock,
          log,
        });
        return { name, listeners: [udp, tcp] };
      } catch (error) {
        socket.close();
        if (triesLeft === 0 || errnoName(error) !== "EADDRINUSE") throw error;
      }
    }
  }

  function serveUdp(socket: UdpSocket, name: string, server: Server): Listener {
    try {
      return socket.serve(name, asker("udp"));
    } catch (error) {
      server.close();
      throw error;
    }
  }

  async function prepare(wanted: readonly SocketAddress[]): Promise<Prepared> {
    const next: typeof open = new Map();
    const opened: Listener[] = [];
    const abandon = (): Promise<void> => closeAll(opened);
    try {
      for (const address of wanted.flatMap(addressesOf)) {
        const configured = formatSocketAddress(address);
        // Also named by a wildcard, or twice.
        if (next.has(configured)) continue;
        const there = open.get(configured) ?? (await listen(address));
        if (!open.has(configured)) opened.push(...there.listeners);
        next.set(configured, there);
      }
    } catch (error) {
      await abandon();
      throw error;
    }
    async function commit(): Promise<void> {
      const before = open;
      open = next;
      await closeAll(
        [...before].filter(([configured]) => !next.has(configured)).flatMap(([, gone]) => gone.listeners),
      );
    }
    return { commit, abandon };
  }

  return {
    prepare,
    names: () => [...open.values()].map(({ name }) => name),
    async close() {
      await closeAll([...open.values()].flatMap(({ listeners }) => listeners));
    },
  };
}

/** Makes listeners of the sockets that were opened on 127.0.0.11:53 of containers. */
export function containerListeners(options: {
  readonly plane: UdpPlane;
  readonly handler: Handler;
  readonly crowded: Crowded;
  readonly clock: Clock;
  readonly log: Logger;
}): Serve {
  const { plane, handler, crowded, clock, log } = options;
  const named = (transport: "udp" | "tcp", { path }: Namespace) => `${transport} 127.0.0.11 of ${path}`;
  return {
    udp: (fd, namespace, whoAsks) => plane.adopt(fd).serve(named("udp", namespace), inside("udp", whoAsks)),
    tcp: (server, namespace, whoAsks) =>
      tcpListener({
        name: named("tcp", namespace),
        server,
        asker: inside("tcp", whoAsks),
        handler,
        crowded,
        clock,
        log,
      }),
  };
}

/** Whose query it is, the namespace tells and not the address. */
function inside(transport: "udp" | "tcp", whoAsks: WhoAsks): Asker {
  const client = (sandbox: string | undefined) =>
    sandbox === undefined ? undefined : { sandbox, transport };
  return () => {
    const asker = whoAsks();
    return typeof asker === "string" ? client(asker) : asker.then(client);
  };
}

/**
 * A wildcard is every address that this machine has at the moment, but for those of the node-local listener, each with a socket of its own: an answer from a
 * socket on 0.0.0.0 leaves from the address that routing prefers, and a client that asked another one drops it
 * (RFC 2181 §4).
 */
function addressesOf(address: SocketAddress): SocketAddress[] {
  const family = address.address === "0.0.0.0" ? "IPv4" : address.address === "::" ? "IPv6" : undefined;
  if (family === undefined) return [address];
  const all = Object.entries(networkInterfaces()).flatMap(([name, list = []]) =>
    (isClaimed(name) ? [] : list)
      .filter((each) => each.family === family)
      .map((each) => each.address + (each.scopeid ? `%${name}` : "")),
  );
  return [...new Set(all)].map((each) => ({ address: each, port: address.port }));
}

async function closeAll(listeners: readonly Listener[]): Promise<void> {
  await Promise.all(listeners.map((listener) => listener.close()));
}

async function bindUdp(plane: UdpPlane, address: SocketAddress): Promise<UdpSocket> {
  try {
    return await plane.bind(address);
  } catch (cause) {
    throw cannotListen(address, "udp", cause as NodeJS.ErrnoException);
  }
}

function listenTcp(address: SocketAddress): Promise<Server> {
  const server = createServer({ allowHalfOpen: true });
  return new Promise((resolve, reject) => {
    server.once("error", (cause) => reject(cannotListen(address, "tcp", cause)));
    server.listen({ port: address.port, host: address.address, ipv6Only: true }, () => {
      server.removeAllListeners("error");
      resolve(server);
    });
  });
}

const STATES: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there already",
  EADDRNOTAVAIL: "this machine does not have that address",
  EACCES: "permission denied",
};

export function cannotListen(
  address: SocketAddress,
  transport: string,
  cause: NodeJS.ErrnoException,
): CodedError {
  const where = formatSocketAddress(address);
  const state = STATES[cause.code ?? ""] ?? cause.message;
  const remedy =
    cause.code === "EADDRINUSE"
      ? `see who it is with: ss -lnp 'sport = :${address.port}'; if it is this daemon on a wider address, start it anew`
      : "choose another address with `listen:`";
  return new CodedError("LISTEN", `Cannot listen on ${where} (${transport}): ${state}`, { remedy, cause });
}
