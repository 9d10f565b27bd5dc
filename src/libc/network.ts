import type { SocketAddress } from "../base/address.ts";

/**
 * The network as libc's resolver sees it. What happens on a socket is told to `on`, one call an event, never before
 * the socket has been handed out; a closed socket tells nothing more.
 */
export interface Network {
  /** Opens a datagram socket. With a `peer` it is connected: only the peer's datagrams and its ICMP errors arrive. */
  udp(family: 4 | 6, peer: SocketAddress | undefined, on: (event: UdpEvent) => void): Promise<UdpSocket>;
  /** Begins a connection to `server`; how that goes is told by events. */
  tcp(server: SocketAddress, on: (event: TcpEvent) => void): TcpSocket;
  /** Addresses of this namespace's interfaces that are up, for AI_ADDRCONFIG. */
  localAddresses(): readonly string[];
}

export interface UdpSocket {
  /** `10.0.0.2:40123`, as far as the kernel has chosen them. */
  readonly local: string;
  send(octets: Uint8Array, to: SocketAddress): void;
  close(): void;
}

export interface TcpSocket {
  /** As of a UDP socket; only known once it is open. */
  readonly local: string;
  /** One message, with its length before it; may be called before the connection is open. */
  send(octets: Uint8Array): void;
  close(): void;
}

export type UdpEvent =
  | { readonly kind: "message"; readonly octets: Uint8Array; readonly from: SocketAddress }
  /** `code` is the system's: ECONNREFUSED for an ICMP port unreachable. */
  | { readonly kind: "error"; readonly code: string };

export type TcpEvent =
  | { readonly kind: "open" }
  /** A whole message, without its length. */
  | { readonly kind: "message"; readonly octets: Uint8Array }
  /** No more will come; without a code the server has closed in good order. */
  | { readonly kind: "end"; readonly code: string | undefined };

/** Why a socket could not be opened: the system's code, ENETUNREACH, EADDRNOTAVAIL, ... */
export class NetworkError extends Error {
  readonly code: string;

  constructor(code: string, cause?: unknown) {
    super(code, { cause });
    this.code = code;
  }
}
