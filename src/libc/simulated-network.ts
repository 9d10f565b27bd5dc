import { formatSocketAddress, type SocketAddress } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import { type Network, NetworkError, type TcpEvent, type UdpEvent } from "./network.ts";
import { type Reply, readReply } from "./query.ts";

/** A query as it arrives at a simulated server. */
export interface Arrival {
  readonly server: string;
  readonly transport: "udp" | "tcp";
  readonly query: Reply;
  readonly octets: Uint8Array;
  /** Another query has left the same socket just before, and was not answered yet. */
  readonly isBeside: boolean;
}

/** What becomes of a query; silence if undefined. */
export type Fate =
  | { readonly afterMs: number; readonly octets: Uint8Array }
  | { readonly afterMs: number; readonly error: string }
  | undefined;

/** Milliseconds between two packets that may meet on their way. */
export const BESIDE_MS = 100;

export interface Servers {
  receive(arrival: Arrival): Fate;
  /** How a TCP connection to the server goes: after so long it is open, or fails. */
  connect(server: string): { readonly afterMs: number; readonly error?: string } | undefined;
  /** The system's code, if there is no way to the server. */
  unreachable(server: string): string | undefined;
}

/** A network that exists only on its clock, with servers that do as they are told. */
export function simulatedNetwork(clock: Clock, servers: Servers, localAddresses: readonly string[]): Network {
  let lastPort = 40_000;
  const nextLocal = () => formatSocketAddress({ address: "192.0.2.1", port: ++lastPort });

  function session<T extends UdpEvent | TcpEvent>(transport: "udp" | "tcp", on: (event: T) => void) {
    let isClosed = false;
    const open = new Map<number, number>();
    const later = (ms: number, event: T) => {
      clock.after(ms, () => {
        if (!isClosed) on(event);
      });
    };
    return {
      later,
      send(octets: Uint8Array, to: SocketAddress) {
        const server = to.address;
        const query = readReply(octets)!;
        const now = clock.now();
        const isBeside = [...open].some(([id, sentAt]) => id !== query.id && now - sentAt < BESIDE_MS);
        open.set(query.id, now);
        const fate = servers.receive({ server, transport, query, octets, isBeside });
        if (fate === undefined) return;
        if ("error" in fate) {
          const kind = transport === "udp" ? "error" : "end";
          return later(fate.afterMs, { kind, code: fate.error } as T);
        }
        clock.after(fate.afterMs, () => open.delete(query.id));
        later(fate.afterMs, { kind: "message", octets: fate.octets, from: to } as unknown as T);
      },
      close() {
        isClosed = true;
      },
    };
  }

  return {
    async udp(_, peer, on) {
      const error = peer === undefined ? undefined : servers.unreachable(peer.address);
      if (error !== undefined) throw new NetworkError(error);
      const { send, close } = session<UdpEvent>("udp", on);
      return { local: nextLocal(), send, close };
    },
    tcp(server, on) {
      const { send, close, later } = session<TcpEvent>("tcp", on);
      const outcome = servers.connect(server.address);
      if (outcome !== undefined)
        later(
          outcome.afterMs,
          outcome.error === undefined ? { kind: "open" } : { kind: "end", code: outcome.error },
        );
      return { local: nextLocal(), send: (octets) => send(octets, server), close };
    },
    localAddresses: () => localAddresses,
  };
}
