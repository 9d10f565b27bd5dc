import { createSocket } from "node:dgram";
import { connect } from "node:net";
import { networkInterfaces } from "node:os";
import { formatSocketAddress } from "../base/address.ts";
import { FRAME_LENGTH, frame } from "../wire/frame.ts";
import { type Network, NetworkError, type TcpSocket, type UdpSocket } from "./network.ts";

/**
 * The network of the namespace that this process lives in. Of ICMP errors only those arrive that a connected socket is
 * told without asking (port and protocol unreachable): glibc asks for all of them (IP_RECVERR), Node can't.
 */
export function nodeNetwork(): Network & { /** Closes what a lookup has left open. */ closeAll(): void } {
  const open = new Set<() => void>();
  return {
    closeAll() {
      for (const close of open) close();
    },
    udp(family, peer, on) {
      return new Promise((resolve, reject) => {
        const socket = createSocket(family === 4 ? "udp4" : "udp6");
        let isOpen = false;
        const close = () => {
          open.delete(close);
          socket
            .removeAllListeners("message")
            .removeAllListeners("error")
            .on("error", () => {});
          socket.close();
        };
        const opened = (): UdpSocket => {
          isOpen = true;
          open.add(close);
          return {
            local: formatSocketAddress(socket.address()),
            send(octets, to) {
              const failed = (error: NodeJS.ErrnoException | null) => {
                if (error !== null) on({ kind: "error", code: error.code ?? error.message });
              };
              if (peer === undefined) socket.send(octets, to.port, inFamily(to.address, family), failed);
              else socket.send(octets, failed);
            },
            close,
          };
        };
        const fail = (error: NodeJS.ErrnoException) => {
          const code = error.code ?? error.message;
          if (isOpen) return on({ kind: "error", code });
          socket.close();
          reject(new NetworkError(code, error));
        };
        socket.on("error", fail);
        socket.on("message", (octets, { address, port }) =>
          on({
            kind: "message",
            octets,
            from: { address: address.replace(/^::ffff:(?=[\d.]+$)/, ""), port },
          }),
        );
        if (peer === undefined) socket.bind(0, () => resolve(opened()));
        else
          socket.connect(peer.port, peer.address, (error?: NodeJS.ErrnoException) => {
            if (error === undefined || error === null) resolve(opened());
            else fail(error);
          });
      });
    },

    tcp(server, on): TcpSocket {
      const socket = connect({ host: server.address, port: server.port, noDelay: true });
      let local = "";
      let code: string | undefined;
      socket.on("connect", () => {
        local = formatSocketAddress({ address: socket.localAddress ?? "", port: socket.localPort ?? 0 });
        on({ kind: "open" });
      });
      socket.on("error", (error: NodeJS.ErrnoException) => {
        code = error.code ?? error.message;
      });
      socket.on("close", () => on({ kind: "end", code }));
      const close = () => {
        open.delete(close);
        socket.removeAllListeners("connect").removeAllListeners("data").removeAllListeners("close");
        socket.destroy();
      };
      open.add(close);
      readMessages(socket, (octets) => on({ kind: "message", octets }));
      return {
        get local() {
          return local;
        },
        send: (octets) => void socket.write(frame(octets)),
        close,
      };
    },

    localAddresses: () =>
      Object.values(networkInterfaces()).flatMap((own) => (own ?? []).map(({ address }) => address)),
  };
}

/** A socket of IPv6 reaches IPv4 by the mapped address. */
function inFamily(address: string, family: 4 | 6): string {
  return family === 6 && !address.includes(":") ? `::ffff:${address}` : address;
}

function readMessages(socket: NodeJS.ReadableStream, take: (octets: Uint8Array) => void): void {
  let rest: Buffer = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    rest = Buffer.concat([rest, chunk]);
    while (rest.length >= FRAME_LENGTH) {
      const end = FRAME_LENGTH + rest.readUInt16BE(0);
      if (rest.length < end) break;
      take(rest.subarray(FRAME_LENGTH, end));
      rest = rest.subarray(end);
    }
  });
}
