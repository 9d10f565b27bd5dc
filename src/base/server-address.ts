import { formatSocketAddress, type SocketAddress } from "./address.ts";

/** A server and how it is asked: over UDP, and over TCP what does not fit, unless it says otherwise. */
export interface ServerAddress extends SocketAddress {
  readonly transport?: "tcp" | "tls";
  /** With `tls`: the name that its certificate must be for; without one, it must be for the address. */
  readonly tlsName?: string;
}

/** `10.0.0.1:53`, `tcp://10.0.0.1:53`, `tls://[fd00::1]:853#dns.example`. */
export function formatServer(server: ServerAddress): string {
  const known = texts.get(server);
  if (known !== undefined) return known;
  const { transport, tlsName } = server;
  const scheme = transport === undefined ? "" : `${transport}://`;
  const text = `${scheme}${formatSocketAddress(server)}${tlsName === undefined ? "" : `#${tlsName}`}`;
  texts.set(server, text);
  return text;
}

/** Every query writes the few servers that there are several times. */
const texts = new WeakMap<ServerAddress, string>();
