import type { SocketAddress } from "../base/address.ts";
import { createInbox, type Inbox } from "./inbox.ts";
import type { UdpEvent, UdpSocket } from "./network.ts";
import type { Stub } from "./stub.ts";

/**
 * glibc's sockets of one question: one for each server, connected, kept over its attempts, so that an answer that
 * comes after its time has run out still counts in the next. Whatever goes wrong with one closes them all.
 */
export interface GlibcSockets {
  /** The server's, opened if need be. Throws NetworkError. */
  to(server: SocketAddress): Promise<GlibcSocket>;
  closeAll(): void;
}

export interface GlibcSocket {
  readonly udp: UdpSocket;
  readonly inbox: Inbox<UdpEvent>;
}

export function glibcSockets({ network, clock }: Stub): GlibcSockets {
  const sockets = new Map<string, GlibcSocket>();
  return {
    async to(server) {
      const known = sockets.get(server.address);
      if (known !== undefined) return known;
      const inbox = createInbox<UdpEvent>(clock);
      const udp = await network.udp(server.address.includes(":") ? 6 : 4, server, inbox.put);
      const opened = { udp, inbox };
      sockets.set(server.address, opened);
      return opened;
    },
    closeAll() {
      for (const { udp } of sockets.values()) udp.close();
      sockets.clear();
    },
  };
}
