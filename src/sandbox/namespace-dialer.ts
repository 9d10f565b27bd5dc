import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { Socket } from "node:net";
import type { Namespace } from "../linux/namespace.ts";
import { tcpClientSocket, udpClientSocket } from "../linux/sockets.ts";
import type { Dialer } from "../upstream/dialer.ts";
import { portableFlow } from "../upstream/portable-flow.ts";
import { familyOf } from "../upstream/round-trip.ts";

/**
 * Dials from inside a namespace; the namespace stays the caller's, and must be open whenever a socket is asked
 * for (else CodedError ATTACH). A socket once made stays in there.
 */
export function namespaceDialer(namespace: Namespace): Pick<Dialer, "udp" | "tcp"> {
  return {
    udp: (server, listener) => portableFlow(udpSocketInside(namespace, familyOf(server)), server, listener),
    tcp(family) {
      // `connect` uses the handle that is there. But net.Socket takes a descriptor to be connected, and would
      // read at once and fail with ENOTCONN; `manualStart` (not documented, but what
      // Node itself uses in such a case) leaves the reading to `connect`.
      const options = { fd: tcpClientSocket(namespace, family), manualStart: true };
      return new Socket(options);
    },
  };
}

/** A socket of Node's to ask from inside, bound to a random port of its own, but not connected. */
export function udpSocketInside(namespace: Namespace, family: 4 | 6): UdpSocket {
  const fd = udpClientSocket(namespace, family);
  // With a descriptor, `bind` is done when it returns; `connect` and `send` may follow at once. `exclusive`
  // keeps a cluster worker from asking its primary for another socket.
  return createSocket(family === 4 ? "udp4" : "udp6").bind({ fd, exclusive: true });
}
