import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { Socket as TcpSocket } from "node:net";

/**
 * Opens sockets in one network namespace: `nameserver`s of the host's file are asked from the host's, a
 * container's own upstreams from the container's.
 */
export interface Dialer {
  /** `host`, or the container's name. */
  readonly scope: string;
  /** Whether a connection may outlive its query. One in a container would keep the container's namespace alive. */
  readonly keepsConnections?: boolean;
  /** A socket that is not yet bound or connected. Throws if the namespace cannot be entered. */
  udp(family: 4 | 6): UdpSocket;
  tcp(family: 4 | 6): TcpSocket;
}

export const hostDialer: Dialer = {
  scope: "host",
  keepsConnections: true,
  udp: (family) => createSocket(family === 4 ? "udp4" : "udp6"),
  tcp: () => new TcpSocket(),
};
