import { formatSocketAddress } from "../base/address.ts";
import { typeName } from "../wire/iana.ts";
import type { Libc, LookupResult } from "./lookup.ts";
import type { Observation } from "./recording-network.ts";
import { DNS_PORT } from "./stub.ts";
import { waits } from "./waits.ts";

/** What the servers did that explains a slow or failed lookup, a sentence each; nothing for one that went well. */
export function causes(
  result: Pick<LookupResult, "timeline" | "ms" | "error">,
  observations: readonly Observation[],
  libc: Libc,
): string[] {
  if (result.error === null && waits(result).length === 0) return [];
  const isInVain = waitedForInVain(result, observations);
  const servers = new Set(observations.map(({ server }) => server));
  return [...servers].flatMap((server) => {
    const own = observations.filter((one) => one.server === server && one.transport === "udp");
    const silent = own.filter(isInVain);
    const refused = own.filter(({ fate }) => fate !== undefined && "error" in fate);
    if (refused.length > 0 && refused.length === own.length) return [`nobody listens at ${server}, port 53`];
    if (silent.length === 0) return [];
    if (own.every(({ fate }) => fate === undefined)) return [`${server} answered nothing`];
    return [...lostBesideOthers(server, own), ...neverAnswered(server, own, silent, libc)];
  });
}

/**
 * Whether libc waited for the answer, and gave it up. musl asks all servers at once and takes the first answer, so that
 * the others may only have come second: those would have answered, for all that anybody knows.
 */
function waitedForInVain(
  { timeline, error }: Pick<LookupResult, "timeline" | "error">,
  observations: readonly Observation[],
): (one: Observation) => boolean {
  const timeouts = timeline.filter(({ event }) => event === "timeout");
  const answered = new Set(observations.flatMap(({ asked, fate }) => (fate === undefined ? [] : [asked])));
  return ({ server, asked, fate }) => {
    if (fate !== undefined) return false;
    if (error === "STILL_WAITING" && !answered.has(asked)) return true;
    const name = asked.split(" ")[0];
    return timeouts.some(
      (timeout) =>
        timeout.qname === name &&
        timeout.qtype === typeOf(asked) &&
        // One of musl's is about every server that was asked.
        (timeout.server === null ||
          timeout.server === formatSocketAddress({ address: server, port: DNS_PORT })),
    );
  };
}

function neverAnswered(
  server: string,
  own: readonly Observation[],
  silent: readonly Observation[],
  libc: Libc,
): string[] {
  const answered = new Set(own.flatMap(({ asked, fate }) => (fate === undefined ? [] : [typeOf(asked)])));
  const dropped = silent.map(({ asked }) => typeOf(asked)).find((type) => !answered.has(type));
  if (dropped === undefined) return [];
  const cost =
    libc === "glibc"
      ? "any answer at all, an error or an empty one, would cost no time"
      : "an empty answer (NOERROR) would do; without one musl drops the answer to the other type, too";
  return [`${server}, or a filter before it, never answers ${dropped}: ${cost}`];
}

/** The sign of the race of two packets in connection tracking. */
function lostBesideOthers(server: string, own: readonly Observation[]): string[] {
  const lost = own.filter(({ isBeside, fate }) => isBeside && fate === undefined);
  const recovered = lost.filter(({ asked }) =>
    own.some((one) => one.asked === asked && !one.isBeside && one.fate !== undefined),
  );
  if (recovered.length === 0) return [];
  const type = typeOf(recovered[0]!.asked);
  return [
    `${type} to ${server} was lost beside another query of the same socket, and answered alone: chance, or ` +
      "connection tracking on the way, which may drop the second of two packets (single-request avoids it)",
  ];
}

function typeOf(asked: string): string {
  return typeName(Number(asked.split(" ").at(-1)));
}
