import type { Server, Socket } from "node:net";
import { BriefMap } from "../base/brief-map.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Asker } from "./asker.ts";
import type { Handler } from "./handle.ts";
import { CLOSE_GRACE_MS, type Listener, quietTurn, wholeTurn } from "./listener.ts";
import { type Served, serveConnection } from "./tcp-connection.ts";

/**
 * Connections held at once by the listener of one container: 200 of these still fit the 65,536 descriptors that
 * packaging/eleven.service allows.
 */
export const CONNECTIONS_MAX = 256;
/**
 * The same of a listener at which a whole machine may ask, with all its pods. A silent one costs 5 KiB of heap and
 * some 30 KiB of memory in all (measured), so these cost 30 MiB.
 */
export const SHARED_CONNECTIONS_MAX = 1024;

/** Connections that were closed because there were too many. */
export interface Crowded {
  /** Nobody waited for an answer over them. */
  silent: number;
  /** A query was in work over them, or they came when there was room for such only, and had not asked yet. */
  refused: number;
}

export const nobodyCrowded = (): Crowded => ({ silent: 0, refused: 0 });

interface Connection {
  readonly number: number;
  readonly socket: Socket;
  readonly served: Served;
  /** Which one of all connections' activities it was. */
  lastActivity: number;
}

/**
 * Answers on a TCP server that listens already (RFC 7766).
 *
 * Of more than `connectionsMax` connections those go over which nothing is in work, the one that was silent longest
 * first: a client that opens many and says nothing can't keep the others out (CVE-2024-8418 was of this kind). Where
 * all have something in work the newest goes. Whoever was let in last has had a turn of the event loop to say
 * something, so for that long there may be more.
 */
export function tcpListener(options: {
  readonly name: string;
  readonly server: Server;
  readonly asker: Asker;
  readonly handler: Handler;
  readonly connectionsMax?: number;
  readonly crowded: Crowded;
  readonly clock: Clock;
  readonly log: Logger;
}): Listener {
  const { name, server, asker, handler, crowded, clock, log } = options;
  const { connectionsMax = CONNECTIONS_MAX } = options;
  const connections = new BriefMap<Connection>();
  let accepted = 0;
  let activities = 0;
  let isClosing = false;
  let isMakingRoom = false;

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
    const connection: Connection = { number, socket, served, lastActivity: ++activities };
    connections.set(number, connection);
    if (isClosing) served.finish();
    socket.once("close", () => connections.delete(number));
    if (connections.size > connectionsMax && !isMakingRoom) {
      isMakingRoom = true;
      void wholeTurn().then(makeRoom);
    }
  }

  function makeRoom(): void {
    isMakingRoom = false;
    const all = connections.values();
    const isFull = all.filter(({ served }) => served.isInWork).length >= connectionsMax;
    const tooMany = Math.max(0, all.length - connectionsMax);
    for (const { number, socket, served } of firstToGo(all).slice(0, tooMany)) {
      crowded[isFull && (served.isInWork || !served.hasAsked) ? "refused" : "silent"] += 1;
      // At once: others may come before its 'close'.
      connections.delete(number);
      socket.destroy();
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
    for (const { served } of connections.values()) served.finish();
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

/** The silent ones by the time of their silence, then the others from the newest on. */
function firstToGo(connections: readonly Connection[]): readonly Connection[] {
  const inWork = new Set(connections.filter(({ served }) => served.isInWork));
  const silent = connections.filter((each) => !inWork.has(each));
  silent.sort((a, b) => a.lastActivity - b.lastActivity);
  return [...silent, ...[...inWork].sort((a, b) => b.number - a.number)];
}
