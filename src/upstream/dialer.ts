import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { Socket as TcpSocket } from "node:net";

/**
 * Opens sockets in one network namespace: `nameserver`s of the host's file are asked from the host's, a
 * container's own upstreams from the container's.
 */
export interface Dialer {
  /** `host`, or the container's name. */
  readonly scope: string;
  /** A socket that is not yet bound or connected. Throws if the namespace cannot be entered. */
  udp(family: 4 | 6): UdpSocket;
  tcp(family: 4 | 6): TcpSocket;
}

export const hostDialer: Dialer = {
  scope: "host",
  udp: (family) => createSocket(family === 4 ? "udp4" : "udp6"),
  tcp: () => new TcpSocket(),
};
