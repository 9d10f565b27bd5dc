import type { Recording } from "./recording-network.ts";
import type { Arrival, Fate, Servers } from "./simulated-network.ts";

/** What a recording has to offer. */
export type Observed = Omit<Recording, "network">;

/** Servers that do again what was observed of them, and tell whether they were asked for anything else. */
export interface Replay extends Servers {
  /** Something was asked of which nothing is known: what comes out is a guess. */
  readonly isGuess: boolean;
}

/**
 * Of one question there may be several observations: those that left their socket in the same way, alone or beside
 * another, come first, in the order in which they were made; the last one holds from then on.
 */
export function replay({ observations, connections, unreachable }: Observed): Replay {
  const uses = new Map<string, number>();
  let isGuess = false;

  function next<T>(key: string, from: readonly T[]): T | undefined {
    const use = uses.get(key) ?? 0;
    uses.set(key, use + 1);
    if (from.length === 0) isGuess = true;
    return from[Math.min(use, from.length - 1)];
  }

  return {
    get isGuess() {
      return isGuess;
    },
    receive({ server, transport, query, octets, isBeside }: Arrival): Fate {
      const asked = `${query.question!.name} ${query.question!.type}`;
      const known = observations.filter(
        (one) => one.server === server && one.transport === transport && one.asked === asked,
      );
      const alike = known.filter((one) => one.isBeside === isBeside);
      const seen = next(
        `${server} ${transport} ${asked} ${isBeside}`,
        alike.length > 0 ? alike : known,
      )?.fate;
      return seen !== undefined && "octets" in seen ? { ...seen, octets: withId(seen.octets, octets) } : seen;
    },
    unreachable: (server) => unreachable.get(server),
    connect(server) {
      return next(
        `connect ${server}`,
        connections.filter((one) => one.server === server),
      )?.outcome;
    },
  };
}

/** The same reply, to another query. */
function withId(reply: Uint8Array, query: Uint8Array): Uint8Array {
  const octets = Uint8Array.from(reply);
  octets.set(query.subarray(0, 2));
  return octets;
}
