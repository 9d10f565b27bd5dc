import { createSocket, type Socket } from "node:dgram";
import { isIPv4 } from "node:net";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Handler } from "./handle.ts";
import { udpListener } from "./udp.ts";
import type { UdpPlane, UdpSocket } from "./udp-plane.ts";

/** Octets that wait while we are busy: the kernel's own 208 KiB lost 44 % of a burst of 3,000 (observed: Docker). */
export const RECEIVE_BUFFER = 1024 * 1024;

/** Answers on the main thread, with Node's own sockets: on every platform. */
export function portableUdp(options: {
  readonly handler: Handler;
  readonly clock: Clock;
  readonly log: Logger;
}): UdpPlane {
  function bound(socket: Socket, port: number): UdpSocket {
    return {
      port,
      serve: (name, asker) => udpListener({ ...options, name, socket, asker }),
      close: () => void socket.close(),
    };
  }

  return {
    bind({ address, port }) {
      const type = isIPv4(address) ? "udp4" : "udp6";
      const socket = createSocket({ type, ipv6Only: type === "udp6", recvBufferSize: RECEIVE_BUFFER });
      return new Promise((resolve, reject) => {
        socket.once("error", (error) => {
          socket.close();
          reject(error);
        });
        socket.bind(port, address, () => {
          socket.removeAllListeners("error");
          resolve(bound(socket, socket.address().port));
        });
      });
    },
    adopt(fd) {
      const socket = createSocket("udp4");
      socket.bind({ fd, exclusive: true });
      return bound(socket, 0);
    },
  };
}
