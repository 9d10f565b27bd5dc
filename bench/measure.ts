import type { Server } from "./peers/peer.ts";
import { cpuSeconds } from "./process.ts";

/** What one round of load cost one server. */
export interface Cost {
  /** CPU of the whole server process per query answered, microseconds. */
  readonly cpuUs: number;
  readonly queriesPerSecond: number;
  /** Answered ones. */
  readonly queries: number;
  /** Share of all queries. */
  readonly lost: number;
}

/** Puts a load on the server, and divides what it cost by what was answered. */
export async function costOf(
  server: Server,
  load: () => Promise<{ readonly queries: number; readonly lost: number; readonly seconds: number }>,
): Promise<Cost> {
  const before = cpuSeconds(server.pids);
  const { queries, lost, seconds } = await load();
  const used = cpuSeconds(server.pids) - before;
  return {
    cpuUs: (used * 1e6) / queries,
    queriesPerSecond: queries / seconds,
    queries,
    lost: lost / (queries + lost),
  };
}

/** Measures each subject once a round, in turn, so that what the machine does meanwhile falls on all alike. */
export async function inTurn<S, M>(
  subjects: readonly S[],
  rounds: number,
  measure: (subject: S) => Promise<M>,
): Promise<Map<S, M[]>> {
  const measured = new Map<S, M[]>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < rounds; round++)
    for (const [subject, measures] of measured) measures.push(await measure(subject));
  return measured;
}

/** The middle, and the extremes. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length / 2;
  const median = (sorted[Math.ceil(half) - 1]! + sorted[Math.floor(half)]!) / 2;
  return { median, least: sorted[0]!, most: sorted.at(-1)! };
}
