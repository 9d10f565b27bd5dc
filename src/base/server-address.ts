import { formatSocketAddress, type SocketAddress } from "./address.ts";

/** A server and how it is asked: over UDP, and over TCP what does not fit, unless it says otherwise. */
export interface ServerAddress extends SocketAddress {
  readonly transport?: "tcp" | "tls";
  /** With `tls`: the name that its certificate must be for; without one, it must be for the address. */
  readonly tlsName?: string;
}

/** `10.0.0.1:53`, `tcp://10.0.0.1:53`, `tls://[fd00::1]:853#dns.example`. */
export function formatServer(server: ServerAddress): string {
  const { transport, tlsName } = server;
  const scheme = transport === undefined ? "" : `${transport}://`;
  return `${scheme}${formatSocketAddress(server)}${tlsName === undefined ? "" : `#${tlsName}`}`;
}
