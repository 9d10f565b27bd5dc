import { createSocket } from "node:dgram";
import { Socket as TcpSocket } from "node:net";
import type { SocketAddress } from "../base/address.ts";
import type { Flow, FlowListener } from "../base/flow.ts";
import { portableFlow } from "./portable-flow.ts";
import { familyOf } from "./round-trip.ts";

/**
 * Opens sockets in one network namespace: `nameserver`s of the host's file are asked from the host's, a
 * container's own upstreams from the container's.
 */
export interface Dialer {
  /** Whose namespace it is: `host`, or the container's key, which has a slash in it. */
  readonly scope: string;
  /** The same for people: `host`, or the container's name, which others may have, too. */
  readonly name: string;
  /** Whether a connection may outlive its query; one in a container keeps the container's namespace alive meanwhile. */
  readonly keepsConnections?: boolean;
  /**
   * A socket that no other question has at the moment, from a port that the kernel drew at random not long ago (RFC
   * 5452 §9.2; decision 15). It is connected: datagrams from elsewhere never arrive, and an ICMP port unreachable is
   * an error at once instead of silence. With `isFresh`, no other question has had it: for who was not answered. Throws
   * the system's error, or if the namespace cannot be entered.
   */
  udp(server: SocketAddress, listener: FlowListener, isFresh?: boolean): Flow;
  /** Not yet connected. Throws if the namespace cannot be entered. */
  tcp(family: 4 | 6): TcpSocket;
}

/** Works wherever Node does. */
export const hostDialer: Dialer = {
  scope: "host",
  name: "host",
  keepsConnections: true,
  udp: (server, listener) =>
    portableFlow(createSocket(familyOf(server) === 4 ? "udp4" : "udp6"), server, listener),
  tcp: () => new TcpSocket(),
};
