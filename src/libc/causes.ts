import { typeName } from "../wire/iana.ts";
import type { Libc } from "./lookup.ts";
import type { Observation } from "./recording-network.ts";

/** What the servers did that explains a slow or failed lookup, a sentence each. */
export function causes(observations: readonly Observation[], libc: Libc): string[] {
  const servers = new Set(observations.map(({ server }) => server));
  return [...servers].flatMap((server) => {
    const own = observations.filter((one) => one.server === server && one.transport === "udp");
    const silent = own.filter(({ fate }) => fate === undefined);
    const refused = own.filter(({ fate }) => fate !== undefined && "error" in fate);
    if (refused.length > 0 && refused.length === own.length) return [`nobody listens at ${server}, port 53`];
    if (silent.length === 0) return [];
    if (silent.length === own.length) return [`${server} answered nothing`];
    return [...lostBesideOthers(server, own), ...neverAnswered(server, own, libc)];
  });
}

function neverAnswered(server: string, own: readonly Observation[], libc: Libc): string[] {
  const types = new Map<string, boolean>();
  for (const { asked, fate } of own) {
    const type = typeOf(asked);
    types.set(type, (types.get(type) ?? false) || fate !== undefined);
  }
  const [dropped] = [...types].filter(([, isAnswered]) => !isAnswered);
  if (dropped === undefined) return [];
  const cost =
    libc === "glibc"
      ? "any answer at all, an error or an empty one, would cost no time"
      : "an empty answer (NOERROR) would do; without one musl drops the answer to the other type, too";
  return [`${server}, or a filter before it, never answers ${dropped[0]}: ${cost}`];
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
