import type { RemoteInfo, Socket } from "node:dgram";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Client } from "../resolver/resolver.ts";
import type { Handler } from "./handle.ts";
import { CLOSE_GRACE_MS, type Listener } from "./listener.ts";

/** Answers on a UDP socket that is bound already; `client` tells from the source address who asks. */
export function udpListener(options: {
  readonly name: string;
  readonly socket: Socket;
  readonly client: (address: string) => Client;
  readonly handler: Handler;
  readonly clock: Clock;
  readonly log: Logger;
}): Listener {
  const { name, socket, client, handler, clock, log } = options;
  let inFlight = 0;
  let drained: (() => void) | undefined;

  async function answer(octets: Uint8Array, from: RemoteInfo): Promise<void> {
    inFlight++;
    try {
      const response = await handler.handle(octets, client(from.address));
      // The client may be gone by now; that is its own business, and no reason for a line in the log.
      if (response !== undefined) socket.send(response, from.port, from.address, () => {});
    } finally {
      if (--inFlight === 0) drained?.();
    }
  }

  const onMessage = (octets: Uint8Array, from: RemoteInfo): void => void answer(octets, from);
  socket.on("message", onMessage);
  // ICMP errors of earlier responses surface here; a listener must not die of them.
  socket.on("error", (error) => log.debug({ err: error, listener: name }, "a UDP socket reported an error"));

  async function close(): Promise<void> {
    socket.off("message", onMessage);
    if (inFlight > 0) {
      await new Promise<void>((resolve) => {
        const cancel = clock.after(CLOSE_GRACE_MS, resolve);
        drained = () => {
          cancel();
          resolve();
        };
      });
    }
    // Sending is asynchronous only on paper: libuv tries at once, so what was answered has left.
    await new Promise<void>((resolve) => socket.close(() => resolve()));
  }

  return { name, close };
}
