import type { Server, Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Client } from "../resolver/resolver.ts";
import type { Handler } from "./handle.ts";
import { CLOSE_GRACE_MS, type Listener } from "./listener.ts";
import { serveConnection } from "./tcp-connection.ts";

/**
 * Connections held at once by one listener. Over that the one that was silent longest makes room: a client that
 * opens many and says nothing can't keep the others out (CVE-2024-8418 was of this kind).
 */
export const CONNECTIONS_MAX = 256;

/** Answers on a TCP server that listens already (RFC 7766); `client` tells from the source address who asks. */
export function tcpListener(options: {
  readonly name: string;
  readonly server: Server;
  readonly client: (address: string) => Client;
  readonly handler: Handler;
  readonly clock: Clock;
  readonly log: Logger;
}): Listener {
  const { name, server, client, handler, clock, log } = options;
  // In the order of their last activity, the longest silent first.
  const connections = new Map<Socket, { finish(): void }>();

  function onConnection(socket: Socket): void {
    const connection = serveConnection({
      socket,
      handle: (octets) => handler.handle(octets, client(socket.remoteAddress ?? "")),
      clock,
      active: () => {
        const entry = connections.get(socket);
        if (entry === undefined) return;
        connections.delete(socket);
        connections.set(socket, entry);
      },
    });
    connections.set(socket, connection);
    socket.once("close", () => connections.delete(socket));
    if (connections.size > CONNECTIONS_MAX) connections.keys().next().value?.destroy();
  }

  server.on("connection", onConnection);
  server.on("error", (error) => log.warn({ err: error, listener: name }, "a TCP listener reported an error"));

  async function close(): Promise<void> {
    const closed = new Promise<void>((resolve) => server.close(() => resolve()));
    for (const connection of connections.values()) connection.finish();
    const cancel = clock.after(CLOSE_GRACE_MS, () => {
      for (const socket of connections.keys()) socket.destroy();
    });
    await closed;
    cancel();
  }

  return { name, close };
}
