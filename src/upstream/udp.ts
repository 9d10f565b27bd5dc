import { onAbort } from "../base/on-abort.ts";
import type { Message } from "../wire/message.ts";
import { drawId, familyOf, type RoundTrip, writeId } from "./round-trip.ts";

/**
 * Asks over UDP from a socket of its own, so that the kernel draws a random source port for every query
 * (RFC 5452 §9.2). The socket is connected: datagrams from elsewhere never arrive, and an ICMP port unreachable
 * is an error at once instead of silence. It is closed before the promise settles.
 */
export function askUdp({ server, dialer, request, read, signal }: RoundTrip): Promise<Message> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = dialer.udp(familyOf(server));
    const id = drawId();
    writeId(request, id);
    let ended = false;

    function end(settle: () => void): void {
      if (ended) return;
      ended = true;
      forgetSignal();
      socket.close();
      settle();
    }
    const fail = (error: Error) => end(() => reject(error));
    const forgetSignal = onAbort(signal, () => fail(signal.reason));

    // Not `once`: an error after the end (a send that was under way) must not become an uncaught one.
    socket.on("error", fail);
    socket.on("message", (octets) => {
      const reply = read(octets, id);
      if (reply !== undefined) end(() => resolve(reply));
    });
    // No bind here: connect does it, except where the dialer has already adopted a bound socket.
    socket.connect(server.port, server.address, (error?: Error) => {
      if (error !== undefined && error !== null) fail(error);
      else if (!ended) socket.send(request, (failure) => failure !== null && fail(failure));
    });
  });
}
