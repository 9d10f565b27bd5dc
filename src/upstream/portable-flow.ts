import type { Socket } from "node:dgram";
import type { SocketAddress } from "../base/address.ts";
import type { Flow, FlowListener } from "../base/flow.ts";

/** A flow over a socket of Node's that is not yet connected. */
export function portableFlow(socket: Socket, { address, port }: SocketAddress, listener: FlowListener): Flow {
  let isConnected = false;
  let isClosed = false;
  let unsent: Uint8Array[] = [];

  function failed(error: Error): void {
    if (!isClosed) listener.failed(error);
  }
  function send(octets: Uint8Array): void {
    if (!isConnected) unsent.push(octets);
    else socket.send(octets, (error) => error !== null && failed(error));
  }

  // Not `once`: an error after the end (a send that was under way) must not become an uncaught one.
  socket.on("error", failed);
  socket.on("message", (octets) => {
    if (!isClosed) listener.message(octets);
  });
  // No bind here: connect does it, except where the dialer has already adopted a bound socket.
  socket.connect(port, address, (error?: Error | null) => {
    if (error !== undefined && error !== null) return failed(error);
    if (isClosed) return;
    isConnected = true;
    for (const octets of unsent) send(octets);
    unsent = [];
  });
  return {
    send,
    close() {
      isClosed = true;
      socket.close();
    },
  };
}
