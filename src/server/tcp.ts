import type { Server, Socket } from "node:net";
import { BriefMap } from "../base/brief-map.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Asker } from "./asker.ts";
import type { Handler } from "./handle.ts";
import { CLOSE_GRACE_MS, type Listener, quietTurn } from "./listener.ts";
import { serveConnection } from "./tcp-connection.ts";

/**
 * Connections held at once by one listener. Over that the one that was silent longest makes room: a client that
 * opens many and says nothing can't keep the others out (CVE-2024-8418 was of this kind).
 */
export const CONNECTIONS_MAX = 256;

interface Connection {
  readonly number: number;
  readonly socket: Socket;
  readonly finish: () => void;
  /** Which activity of all connections it was. */
  lastActivity: number;
}

/** Answers on a TCP server that listens already (RFC 7766). */
export function tcpListener(options: {
  readonly name: string;
  readonly server: Server;
  readonly asker: Asker;
  readonly handler: Handler;
  readonly clock: Clock;
  readonly log: Logger;
}): Listener {
  const { name, server, asker, handler, clock, log } = options;
  const connections = new BriefMap<Connection>();
  let accepted = 0;
  let activities = 0;
  let isClosing = false;

  function onConnection(socket: Socket): void {
    const number = accepted++;
    const served = serveConnection({
      socket,
      handle: async (octets) =>
        (await handler.handle(octets, await asker(socket.remoteAddress ?? "")))?.octets,
      clock,
      active: () => {
        connection.lastActivity = ++activities;
      },
    });
    const connection: Connection = { number, socket, finish: served.finish, lastActivity: ++activities };
    connections.set(number, connection);
    if (isClosing) connection.finish();
    socket.once("close", () => connections.delete(number));
    if (connections.size > CONNECTIONS_MAX) {
      const silent = longestSilent(connections.values());
      // At once: others may come before its 'close'.
      connections.delete(silent.number);
      silent.socket.destroy();
    }
  }

  server.on("connection", onConnection);
  server.on("error", (error) => log.warn({ err: error, listener: name }, "a TCP listener reported an error"));

  async function close(): Promise<void> {
    isClosing = true;
    let isLate = false;
    const cancel = clock.after(CLOSE_GRACE_MS, () => {
      isLate = true;
      for (const { socket } of connections.values()) socket.destroy();
    });
    for (const connection of connections.values()) connection.finish();
    // The kernel has made connections that we have not seen yet; closing would reset them.
    await quietTurn(
      () => accepted,
      () => isLate,
    );
    await new Promise<void>((resolve) => server.close(() => resolve()));
    cancel();
  }

  return { name, close };
}

function longestSilent(connections: readonly Connection[]): Connection {
  return connections.reduce((silent, other) => (other.lastActivity < silent.lastActivity ? other : silent));
}
