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
/** Thrown back so often, a question goes by itself, see `find`. */
const BY_ITSELF_FROM = 5;
const MAX_CROWDED = MAX_CONNECTIONS << BY_ITSELF_FROM;

/**
 * One on which nothing has come for so long may be dead: who asks anew (`RoundTrip.fresh`) asks on another. Less than
 * the shortest time after which somebody does (`health.ts`).
 */
const DOUBTFUL_MS = 50;

/** So many connections may end under one question. */
const MAX_TRIES = 32;

/**
 * Asks over TCP, or TLS where the server says so (RFC 7858), on connections that are kept and shared. If one that was
 * asked anything else turns out to be closed, the question goes out once more on another (RFC 7766 §6.2.4). One that
 * does not come about fails all who wait for it.
 */
export function streams({ clock }: { clock: Clock }): Transport {
  const byDialer = new WeakMap<Dialer, Map<string, Set<StreamConnection>>>();

  return async function askStream(trip: RoundTrip): Promise<Message> {
    trip.signal.throwIfAborted();
    for (let tries = 1; ; tries++) {
      const connection = find(trip, tries - 1);
      try {
        return await connection.ask(trip);
      } catch (error) {
        const isSharedFate = connection.hasOpened && connection.asked > 1;
        if (trip.signal.aborted || !isSharedFate || tries === MAX_TRIES) throw error;
      }
    }
  };

  /**
   * The one that is the least busy, or a new one. A server may close each connection after a number of answers, and
   * throw back whatever else it was asked there; so the more often a question was thrown back, the fewer others it goes
   * with, and the more connections there may be for it. At last it goes by itself, and what becomes of that is its own.
   */
  function find(trip: RoundTrip, thrownBack: number): StreamConnection {
    const open = connectionsTo(trip);
    const usable = [...open].filter((each) => !trip.fresh || each.quietMs() < DOUBTFUL_MS);
    const [first, ...others] = usable;
    if (first === undefined) return open.size < MAX_CROWDED ? make(trip, open) : open.values().next().value!;
    const least = others.reduce((least, other) => (other.waiting < least.waiting ? other : least), first);
    const times = Math.min(thrownBack, BY_ITSELF_FROM);
    const isQuiet = least.waiting < BUSY_AT >> times;
    return isQuiet || usable.length >= MAX_CONNECTIONS << times ? least : make(trip, open);
  }

  function make({ dialer, server }: RoundTrip, open: Set<StreamConnection>): StreamConnection {
    const keepMs = server.transport === undefined ? FALLBACK_IDLE_MS : IDLE_MS;
    const idleMs = dialer.keepsConnections === true ? keepMs : 0;
    const onEnd = () => void open.delete(connection);
    const connection = streamConnection({ socket: dial({ dialer, server }), clock, idleMs, onEnd });
    if (idleMs > 0) open.add(connection);
    return connection;
  }

  /** Those that take questions. */
  function connectionsTo({ dialer, server }: RoundTrip): Set<StreamConnection> {
    const byServer = byDialer.get(dialer) ?? new Map<string, Set<StreamConnection>>();
    byDialer.set(dialer, byServer);
    const key = formatServer(server);
    const open = byServer.get(key) ?? new Set<StreamConnection>();
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
