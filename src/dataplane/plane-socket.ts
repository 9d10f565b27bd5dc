import { addressFromOctets } from "../base/address.ts";
import { libc } from "../linux/libc.ts";

// Of sys/socket.h and netinet/in.h, the same on x64 and arm64.
const AF_INET = 2;
const MSG_DONTWAIT = 0x40;
const SOCKADDR_MAX = 28;
const DATAGRAM_MAX = 65_535;
/** Datagrams read of a socket that is being closed, before others get their turn. */
const DRAIN_MAX = 256;

/** Where a message came from: a whole struct sockaddr. */
export type Sockaddr = Uint8Array;

/** The text of the address, without scope and port. */
export function addressOf(from: Sockaddr): string {
  return from[0] === AF_INET
    ? addressFromOctets(from.subarray(4, 8))
    : addressFromOctets(from.subarray(8, 24));
}

/** Sends one answer; false if the kernel does not take it: the client may be gone, and that is its own business. */
export function sendTo(fd: number, octets: Uint8Array, to: Sockaddr): boolean {
  return libc().sendTo(fd, octets, MSG_DONTWAIT, to) >= 0;
}

const octets = new Uint8Array(DATAGRAM_MAX);

/** Reads what waits at the socket; returns how many messages that were. The octets are `message`'s until it returns. */
export function readAll(fd: number, message: (octets: Uint8Array, from: Sockaddr) => void): number {
  for (let count = 0; ; count++) {
    const from = Buffer.alloc(SOCKADDR_MAX);
    const fromLength = Uint32Array.of(SOCKADDR_MAX);
    const length = count === DRAIN_MAX ? -1 : libc().receiveFrom(fd, octets, MSG_DONTWAIT, from, fromLength);
    if (length < 0) return count;
    message(octets.subarray(0, length), from.subarray(0, fromLength[0]));
  }
}
