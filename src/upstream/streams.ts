import { isIP, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Clock } from "../base/clock.ts";
import { formatServer, type ServerAddress } from "../base/server-address.ts";
import type { Message } from "../wire/message.ts";
import type { Dialer } from "./dialer.ts";
import { familyOf, type RoundTrip, type Transport } from "./round-trip.ts";
import { type StreamConnection, type StreamHooks, streamConnection } from "./stream-connection.ts";
import { type StreamPool, streamPool } from "./stream-pool.ts";

/** As CoreDNS; most servers close an idle connection a little later, so it is mostly us (RFC 7766 §6.2.3). */
const IDLE_MS = 10_000;
/**
 * For what was cut off over UDP, only a burst is worth a connection: there are servers that serve nobody else, not
 * even over UDP, while a connection is open (observed: dnsmasq --no-daemon).
 */
const FALLBACK_IDLE_MS = 200;
/** So many connections may end under one question. */
const MAX_TRIES = 8;

/**
 * Asks over TCP, or TLS where the server says so (RFC 7858), on connections that are kept and shared. If one that was
 * asked anything else turns out to be closed, the question goes out once more on another (RFC 7766 §6.2.4).
 */
export function streams({ clock }: { clock: Clock }): Transport {
  const byDialer = new WeakMap<Dialer, Map<string, StreamPool>>();

  return async function askStream(trip: RoundTrip): Promise<Message> {
    if (trip.dialer.keepsConnections !== true) return connect(trip).ask(trip);
    const pool = poolFor(trip);
    for (let tries = 1; ; tries++) {
      const connection = pool.find(trip.fresh) ?? (await turn(pool, trip));
      try {
        return await connection.ask(trip);
      } catch (error) {
        if (trip.signal.aborted || connection.asked === 1 || tries === MAX_TRIES) throw error;
      }
    }
  };

  async function turn(pool: StreamPool, { fresh, signal }: RoundTrip): Promise<StreamConnection> {
    for (;;) {
      await pool.turn(signal);
      if (signal.aborted) {
        pool.passOn();
        throw signal.reason;
      }
      const connection = pool.find(fresh);
      if (connection !== undefined) return connection;
    }
  }

  function poolFor(trip: RoundTrip): StreamPool {
    const { dialer, server } = trip;
    const byServer = byDialer.get(dialer) ?? new Map<string, StreamPool>();
    byDialer.set(dialer, byServer);
    const key = formatServer(server);
    const pool =
      byServer.get(key) ?? streamPool({ clock, connect: (hooks) => connect({ dialer, server }, hooks) });
    byServer.set(key, pool);
    return pool;
  }

  function connect(to: Pick<RoundTrip, "dialer" | "server">, hooks?: StreamHooks): StreamConnection {
    const keepMs = to.server.transport === undefined ? FALLBACK_IDLE_MS : IDLE_MS;
    return streamConnection({ socket: dial(to), clock, idleMs: hooks === undefined ? 0 : keepMs, hooks });
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
