import { closeSync } from "node:fs";
import { firstToGo } from "./first-to-go.ts";
import { errnoName, libc } from "./libc.ts";
import { inNamespace, type Namespace } from "./namespace.ts";
import { ipv4Address, socket } from "./sockets.ts";

const AF_INET = 2;
const SOCK_STREAM = 1;
const SOL_SOCKET = 1;
const SO_LINGER = 13;

/**
 * A TCP connection of one socket with itself (RFC 9293 §3.5, simultaneous open), which says one thing to its
 * namespace: a reset from `port` to `port` when it is closed, by us or by the kernel when this process has ended.
 */
export interface SelfConnection {
  readonly port: number;
  /** To be called once: nothing is sent before. Throws SystemError where it does not come about. */
  connect(): void;
  /** May be called again. */
  close(): void;
}

export function selfConnection(namespace: Namespace, address: string): SelfConnection {
  let fd = inNamespace(namespace, () => {
    const low = socket(AF_INET, SOCK_STREAM, (fd) => {
      libc().bind(fd, ipv4Address({ address, port: 0 }));
      // On, and no seconds: closing sends a reset, at once.
      libc().setsockopt(fd, SOL_SOCKET, SO_LINGER, 1, 0);
    });
    // So that no container waits for the tables of the others.
    return firstToGo(low);
  });
  const port = portOf(fd);
  return {
    port,
    connect() {
      const self = ipv4Address({ address, port });
      // Over the loopback it is done when the first call returns; the second one tells.
      if (errnoOf(() => libc().connect(fd, self)) === undefined) return;
      const second = errnoOf(() => libc().connect(fd, self));
      if (second !== undefined && errnoName(second) !== "EISCONN") throw second;
    },
    close() {
      if (fd !== -1) closeSync(fd);
      fd = -1;
    },
  };
}

function portOf(fd: number): number {
  const address = Buffer.alloc(16);
  libc().getsockname(fd, address);
  return address.readUInt16BE(2);
}

function errnoOf(call: () => void): unknown {
  try {
    call();
    return undefined;
  } catch (error) {
    return error;
  }
}
