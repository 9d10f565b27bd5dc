import { closeSync, constants, openSync } from "node:fs";
import { firstToGo } from "./first-to-go.ts";
import { libc } from "./libc.ts";

// Of linux/if_tun.h and linux/if.h, the same on x64 and arm64.
const TUNSETIFF = 0x400454ca;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
const IFREQ_OCTETS = 40;
const NAME_OCTETS = 16;

/** A network interface that this process holds. */
export interface TunInterface {
  readonly name: string;
  /** Removes it, and with it every address that it has. May be called again. */
  close(): void;
}

/**
 * Makes a network interface in this process' own namespace; `%d` in the name is the first number that is free. It is
 * there until it is closed or this process ends, however that ends: then the kernel removes it (`IFF_PERSIST` is not
 * set). What is routed out through it goes nowhere. Throws as `open` does for /dev/net/tun, or SystemError.
 */
export function tunInterface(pattern: string): TunInterface {
  // Node adds O_CLOEXEC: in a child process the descriptor would keep the interface beyond our end.
  let fd = openSync("/dev/net/tun", constants.O_RDWR | constants.O_NONBLOCK);
  const close = (): void => {
    if (fd !== -1) closeSync(fd);
    fd = -1;
  };
  const request = Buffer.alloc(IFREQ_OCTETS);
  request.write(pattern);
  request.writeUInt16LE(IFF_TUN | IFF_NO_PI, NAME_OCTETS);
  try {
    libc().ioctl(fd, TUNSETIFF, request);
  } catch (error) {
    close();
    throw error;
  }
  fd = firstToGo(fd);
  return { name: request.toString("latin1", 0, request.indexOf(0)), close };
}
