import type { SocketAddress } from "../base/address.ts";
import type { Asker } from "./asker.ts";
import type { Listener } from "./listener.ts";

/**
 * Whatever reads queries from UDP sockets and answers them. There are two, which behave the same: the data plane
 * (`dataplane/`), and the portable one of this folder.
 */
export interface UdpPlane {
  /** Binds an address of this process' network namespace. Throws, as bind(2) does, an error with a `code`. */
  bind(address: SocketAddress): Promise<UdpSocket>;
  /** Takes over a descriptor that is bound and doesn't block; whoever asks there, `asker` is the same for them. */
  adopt(fd: number): UdpSocket;
}

/** A bound socket to which queries may come already: to be served, or to be closed. */
export interface UdpSocket {
  readonly port: number;
  serve(name: string, asker: Asker): UdpListener;
  close(): void;
}

export interface UdpListener extends Listener {
  /** What the asker said before does not hold any more. */
  askerChanged(): void;
}
