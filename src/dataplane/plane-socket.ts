import { addressFromOctets } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import { libc } from "../linux/libc.ts";
import { CLOSE_GRACE_MS } from "../server/listener.ts";

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

/** Reads what waits at the socket; returns how many messages that were. */
export function readAll(fd: number, message: (octets: Uint8Array, from: Sockaddr) => void): number {
  const octets = Buffer.alloc(DATAGRAM_MAX);
  for (let count = 0; ; count++) {
    const from = Buffer.alloc(SOCKADDR_MAX);
    const fromLength = Uint32Array.of(SOCKADDR_MAX);
    const length = count === DRAIN_MAX ? -1 : libc().receiveFrom(fd, octets, MSG_DONTWAIT, from, fromLength);
    if (length < 0) return count;
    message(octets.subarray(0, length), from.subarray(0, fromLength[0]));
  }
}

/** The queries of one socket that are being answered. */
export interface InFlight {
  begin(): void;
  end(): void;
  /** Resolves when there are none, or after `CLOSE_GRACE_MS`. */
  ended(clock: Clock): Promise<void>;
}

export function inFlight(): InFlight {
  let count = 0;
  let drained: (() => void) | undefined;
  return {
    begin: () => void count++,
    end() {
      if (--count === 0) drained?.();
    },
    async ended(clock) {
      if (count === 0) return;
      await new Promise<void>((resolve) => {
        const cancel = clock.after(CLOSE_GRACE_MS, resolve);
        drained = () => {
          cancel();
          resolve();
        };
      });
    },
  };
}
