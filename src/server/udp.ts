import type { RemoteInfo, Socket } from "node:dgram";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Asker } from "./asker.ts";
import type { Handler } from "./handle.ts";
import { CLOSE_GRACE_MS, quietTurn } from "./listener.ts";
import type { UdpListener } from "./udp-plane.ts";

/**
 * Answers that may wait for the kernel to take them; each costs some kilobytes. They do where it keeps those before
 * them, for seconds: to addresses in our own network that are nobody's, which whoever forges such could go on with.
 */
const WAITING_MAX = 1000;

/** Answers on a UDP socket that is bound already. */
export function udpListener(options: {
  readonly name: string;
  readonly socket: Socket;
  readonly asker: Asker;
  readonly handler: Handler;
  readonly clock: Clock;
  readonly log: Logger;
}): UdpListener {
  const { name, socket, asker, handler, clock, log } = options;
  let received = 0;
  let inFlight = 0;
  let drained: (() => void) | undefined;

  async function answer(octets: Uint8Array, from: RemoteInfo): Promise<void> {
    received++;
    inFlight++;
    try {
      const response = await handler.handle(octets, await asker(from.address));
      if (response !== undefined) await send(response.octets, from);
    } finally {
      if (--inFlight === 0) drained?.();
    }
  }

  /**
   * Resolves when it has left, or could not: the client may be gone by now, and that is its own business. Node
   * throws for a client that forged its port to be 0, and for an answer that comes after the socket is closed.
   */
  function send(response: Uint8Array, { port, address }: RemoteInfo): Promise<void> {
    return new Promise((resolve) => {
      try {
        if (socket.getSendQueueCount() >= WAITING_MAX) throw new Error("too many answers wait to be sent");
        socket.send(response, port, address, () => resolve());
      } catch (error) {
        log.debug({ err: error, listener: name }, "an answer could not be sent");
        resolve();
      }
    });
  }

  socket.on("message", (octets, from) => void answer(octets, from));
  // ICMP errors of earlier responses surface here; a listener must not die of them.
  socket.on("error", (error) => log.debug({ err: error, listener: name }, "a UDP socket reported an error"));

  async function close(): Promise<void> {
    let isLate = false;
    let cancel = (): void => {};
    const late = new Promise<void>((resolve) => {
      cancel = clock.after(CLOSE_GRACE_MS, () => {
        isLate = true;
        resolve();
      });
    });
    // Until then it goes on reading and answering: a query that has come has nobody else to answer it.
    await quietTurn(
      () => received,
      () => isLate,
    );
    if (inFlight > 0) await Promise.race([late, new Promise<void>((resolve) => (drained = resolve))]);
    cancel();
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }

  // It asks anew for every query.
  return { name, close, askerChanged() {} };
}
