import type { Clock } from "../base/clock.ts";
import { type Network, NetworkError } from "./network.ts";
import { readReply } from "./query.ts";
import { BESIDE_MS, type Fate } from "./simulated-network.ts";

/** What became of one query on a real network. */
export interface Observation {
  readonly server: string;
  readonly transport: "udp" | "tcp";
  /** `www.example. A`: what was asked. */
  readonly asked: string;
  /** See `Arrival`. */
  readonly isBeside: boolean;
  fate: Fate;
}

/** How a connection to a server went; undefined: it stayed undecided. */
export interface Connection {
  readonly server: string;
  outcome: { readonly afterMs: number; readonly error?: string } | undefined;
}

export interface Recording {
  readonly network: Network;
  readonly observations: readonly Observation[];
  readonly connections: readonly Connection[];
  /** Servers to which there was no way, with the system's code. */
  readonly unreachable: ReadonlyMap<string, string>;
}

/** Passes everything on to `network`, and remembers what became of it. */
export function recordingNetwork(network: Network, clock: Clock): Recording {
  const observations: Observation[] = [];
  const connections: Connection[] = [];
  const unreachable = new Map<string, string>();

  function session(transport: "udp" | "tcp") {
    const open = new Map<string, { observation: Observation; id: number; sentAt: number }>();
    const keyOf = (server: string, id: number) => `${server} ${id}`;
    const settle = (key: string, fate: (afterMs: number) => Fate) => {
      const sent = open.get(key);
      if (sent === undefined) return;
      open.delete(key);
      sent.observation.fate = fate(clock.now() - sent.sentAt);
    };
    return {
      sent(octets: Uint8Array, server: string) {
        const { id, question } = readReply(octets)!;
        const observation: Observation = {
          server,
          transport,
          asked: `${question!.name} ${question!.type}`,
          isBeside: [...open.values()].some((one) => one.id !== id && clock.now() - one.sentAt < BESIDE_MS),
          fate: undefined,
        };
        observations.push(observation);
        open.set(keyOf(server, id), { observation, id, sentAt: clock.now() });
      },
      received(octets: Uint8Array, server: string) {
        settle(keyOf(server, readReply(octets)?.id ?? -1), (afterMs) => ({ afterMs, octets }));
      },
      failed(error: string) {
        for (const key of [...open.keys()]) settle(key, (afterMs) => ({ afterMs, error }));
      },
    };
  }

  return {
    observations,
    connections,
    unreachable,
    network: {
      localAddresses: () => network.localAddresses(),
      async udp(family, peer, on) {
        const { sent, received, failed } = session("udp");
        const socket = await network
          .udp(family, peer, (event) => {
            if (event.kind === "message") received(event.octets, event.from.address);
            else failed(event.code);
            on(event);
          })
          .catch((error: unknown) => {
            if (error instanceof NetworkError && peer !== undefined)
              unreachable.set(peer.address, error.code);
            throw error;
          });
        return {
          local: socket.local,
          close: () => socket.close(),
          send(octets, to) {
            sent(octets, to.address);
            socket.send(octets, to);
          },
        };
      },
      tcp(server, on) {
        const { sent, received, failed } = session("tcp");
        const connection: Connection = { server: server.address, outcome: undefined };
        connections.push(connection);
        const began = clock.now();
        const socket = network.tcp(server, (event) => {
          if (event.kind === "message") received(event.octets, server.address);
          else if (event.kind === "open") connection.outcome = { afterMs: clock.now() - began };
          else {
            const error = event.code ?? "EOF";
            connection.outcome ??= { afterMs: clock.now() - began, error };
            failed(error);
          }
          on(event);
        });
        return {
          get local() {
            return socket.local;
          },
          close: () => socket.close(),
          send(octets) {
            sent(octets, server.address);
            socket.send(octets);
          },
        };
      },
    },
  };
}
