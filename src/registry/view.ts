import type { Name } from "../wire/message.ts";
import { foldedName } from "./folded-name.ts";
import type { Container, Endpoint } from "./model.ts";
import type { Networks } from "./networks.ts";
import { byText } from "./order.ts";

/** Whose eyes a lookup has: a sandbox sees its own networks, in order; the host sees all of them, and no links. */
export type View = readonly Place[] | "host";

/** A network in which a name is looked up. */
export interface Place {
  readonly network: string;
  /** What the network is called in a question. */
  readonly folded: Name | undefined;
  /** Folded alias -> folded target, undefined where that can't be a DNS name. */
  readonly links: ReadonlyMap<Name, Name | undefined>;
}

/**
 * A container's networks in the order in which they are looked in (observed: Docker's order of a sandbox's
 * endpoints, which is that of its default gateway): priority, then non-internal before internal, then both
 * families before one before none, then by name.
 */
export function placesOf(container: Container, networks: Networks): Place[] {
  const rank = new Map(container.endpoints.map((endpoint) => [endpoint, rankOf(endpoint, networks)]));
  const byRank = (a: Endpoint, b: Endpoint) => {
    const [ranksA, ranksB] = [rank.get(a)!, rank.get(b)!];
    const at = ranksA.findIndex((one, i) => one !== ranksB[i]);
    return at === -1 ? byText(a.network, b.network) : ranksA[at]! - ranksB[at]!;
  };
  return [...container.endpoints].sort(byRank).map((endpoint) => placeOf(endpoint, networks));
}

/** Smaller comes first. */
function rankOf({ network, priority, ipv4, ipv6 }: Endpoint, networks: Networks): number[] {
  const internal = networks.get(network)?.internal === true;
  return [-priority, Number(internal), Number(ipv4 === undefined) + Number(ipv6 === undefined)];
}

function placeOf({ network, links }: Endpoint, networks: Networks): Place {
  const folded = new Map<Name, Name | undefined>();
  for (const [alias, target] of Object.entries(links)) {
    const name = foldedName(alias);
    // Of two aliases that differ in letter case only, the first holds, as it does for all names.
    if (name !== undefined && !folded.has(name)) folded.set(name, foldedName(target));
  }
  return { network, folded: networks.folded(network), links: folded };
}
