import { isIPv4 } from "node:net";
import type { SocketAddress } from "../base/address.ts";
import type { Message } from "../wire/message.ts";
import type { Dialer } from "./dialer.ts";

/** One request to one server and its reply, whatever the transport (`udp.ts`, `tcp.ts`). */
export interface RoundTrip {
  readonly server: SocketAddress;
  readonly dialer: Dialer;
  readonly request: Uint8Array;
  /** The reply, if that is what these octets are; otherwise they are ignored and the wait goes on. */
  readonly read: (octets: Uint8Array) => Message | undefined;
  /** Ends the wait; there is no other time limit here. */
  readonly signal: AbortSignal;
}

/**
 * Resolves with the reply. Rejects with `signal.reason` once the signal aborts, and with the system's error if the
 * server cannot be reached. The socket is closed before it settles, whichever way that is.
 */
export type Transport = (trip: RoundTrip) => Promise<Message>;

/** The family of a socket that reaches this address; a zone (`fe80::1%eth0`) does not matter. */
export function familyOf({ address }: SocketAddress): 4 | 6 {
  return isIPv4(address) ? 4 : 6;
}
