import { isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../base/clock.ts";
import { formatServer, type ServerAddress } from "../base/server-address.ts";
import type { Message } from "../wire/message.ts";
import type { Dialer } from "./dialer.ts";
import { familyOf, type RoundTrip, type Transport } from "./round-trip.ts";
import { type StreamConnection, streamConnection } from "./stream-connection.ts";

/** As CoreDNS; most servers close an idle connection a little later, so it is mostly us (RFC 7766 §6.2.3). */
const IDLE_MS = 10_000;
/**
 * For what was cut off over UDP, only a burst is worth a connection: there are servers that serve nobody else, not
 * even over UDP, while a connection is open (observed: dnsmasq --no-daemon).
 */
const FALLBACK_IDLE_MS = 200;
/** Some servers answer one question after the other: with so many waiting, another connection is quicker. */
const BUSY_AT = 16;
const MAX_CONNECTIONS = 4;

/**
 * One on which nothing has come for so long may be dead: who asks anew (`RoundTrip.fresh`) asks on another. Less than
 * the shortest time after which somebody does (`health.ts`).
 */
const DOUBTFUL_MS = 50;
/** So many connections of others may end under one question without an answer to anybody. */
const MAX_TRIES = 8;

/**
 * Asks over TCP, or TLS where the server says so (RFC 7858), on connections that are kept and shared. If one on which
 * anybody was answered turns out to be closed, the question goes out once more on another (RFC 7766 §6.2.4), as often
 * as that happens: many servers close a connection after a number of answers.
 */
export function streams({ clock }: { clock: Clock }): Transport {
  const byDialer = new WeakMap<Dialer, Map<string, StreamConnection[]>>();

  return async function askStream(trip: RoundTrip): Promise<Message> {
    for (let tries = 1; ; ) {
      const kept = keptFor(trip);
      const connection = kept ?? make(trip);
      try {
        return await connection.ask(trip);
      } catch (error) {
        if (trip.signal.aborted) throw error;
        if (connection.hasAnswered) continue;
        if (kept === undefined || tries === MAX_TRIES) throw error;
        tries += 1;
      }
    }
  };

  /** The one that is the least busy; undefined if another one is to be made. */
  function keptFor(trip: RoundTrip): StreamConnection | undefined {
    const open = connectionsTo(trip).filter((each) => !trip.fresh || each.quietMs() < DOUBTFUL_MS);
    const [first, ...others] = open;
    if (first === undefined) return undefined;
    const kept = others.reduce((least, other) => (other.waiting < least.waiting ? other : least), first);
    return kept.waiting < BUSY_AT || open.length >= MAX_CONNECTIONS ? kept : undefined;
  }

  function make(trip: RoundTrip): StreamConnection {
    const { dialer, server } = trip;
    const keepMs = server.transport === undefined ? FALLBACK_IDLE_MS : IDLE_MS;
    const idleMs = dialer.keepsConnections === true ? keepMs : 0;
    const connection = streamConnection({ socket: dial(trip), clock, idleMs });
    if (idleMs > 0) connectionsTo(trip).push(connection);
    return connection;
  }

  /** Those that take questions; the list may be added to. */
  function connectionsTo({ dialer, server }: Pick<RoundTrip, "dialer" | "server">): StreamConnection[] {
    const byServer = byDialer.get(dialer) ?? new Map<string, StreamConnection[]>();
    byDialer.set(dialer, byServer);
    const key = formatServer(server);
    const open = (byServer.get(key) ?? []).filter(({ isOpen }) => isOpen);
    byServer.set(key, open);
    return open;
  }
}

function dial({ dialer, server }: Pick<RoundTrip, "dialer" | "server">): Socket {
  const socket = dialer.tcp(familyOf(server));
  socket.connect(server.port, server.address);
  return server.transport === "tls" ? secured(socket, server) : socket;
}

/** The certificate must be vouched for by Node's authorities (NODE_EXTRA_CA_CERTS adds one), for the name or address. */
function secured(socket: Socket, { address, tlsName }: ServerAddress): Socket {
  const host = tlsName ?? address.replace(/%.*/, "");
  // An address is no server name (RFC 6066 §3).
  const secure = connectTls({ socket, host, ...(isIP(host) === 0 && { servername: host }) });
  socket.on("error", (error) => secure.destroy(error));
  socket.on("close", () => secure.destroy());
  return secure;
}
