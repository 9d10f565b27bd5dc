import { randomInt } from "node:crypto";
import { isIPv4 } from "node:net";
import type { SocketAddress } from "../base/address.ts";
import type { Signal } from "../base/on-abort.ts";
import type { ServerAddress } from "../base/server-address.ts";
import type { Message } from "../wire/message.ts";
import type { Dialer } from "./dialer.ts";

/** One request to one server and its reply, whatever the transport (`udp.ts`, `streams.ts`). */
export interface RoundTrip {
  readonly server: ServerAddress;
  readonly dialer: Dialer;
  /** Not on a connection, or from a port, that served before: the server was silent on it. */
  readonly fresh: boolean;
  /** The transport draws its id, and writes it in. */
  readonly request: Uint8Array;
  /** The reply, if that is what these octets are; otherwise they are ignored and the wait goes on. */
  readonly read: (octets: Uint8Array, id: number) => Message | undefined;
  /** Ends the wait; there is no other time limit here. */
  readonly signal: Signal;
  /** Called when there is a connection to the server for it. */
  readonly onConnected?: (() => void) | undefined;
}

/**
 * Resolves with the reply. Rejects with `signal.reason` once the signal aborts, and with the system's error if the
 * server cannot be reached.
 */
export type Transport = (trip: RoundTrip) => Promise<Message>;

/** The family of a socket that reaches this address; a zone (`fe80::1%eth0`) does not matter. */
export function familyOf({ address }: SocketAddress): 4 | 6 {
  return isIPv4(address) ? 4 : 6;
}

/** From the same source as keys (RFC 5452 §9.2). */
export function drawId(): number {
  return randomInt(0x1_0000);
}

export function writeId(message: Uint8Array, id: number): void {
  message[0] = id >> 8;
  message[1] = id & 0xff;
}
