import type { Name } from "../wire/message.ts";
import { foldName } from "../wire/name.ts";
import { type Candidate, candidatesOf } from "./candidates.ts";
import { type Entry, stampOf } from "./entry.ts";
import { foldedName } from "./folded-name.ts";
import type { NameKind } from "./model.ts";
import type { IndexView } from "./name-index.ts";
import { byText } from "./order.ts";
import type { Place, View } from "./view.ts";

/** What the registry knows of a name, as one view sees it. Without addresses the name is known all the same. */
export interface Match {
  readonly network: string;
  readonly via: "name" | "link";
  readonly candidate: Candidate;
  /** Of both families, each once. */
  readonly addresses: readonly string[];
  /** Who bound the addresses, or the name if it has none; of a link, of the name that it stands for. */
  readonly owners: readonly Owner[];
}

export interface Owner {
  readonly container: string;
  readonly sandbox: string;
  readonly kind: NameKind;
  readonly source: string;
  readonly since: string;
  readonly revision: number;
}

/** One look at one candidate in one network, for `explain`; without a network, there was none to look in. */
export interface Attempt extends Candidate {
  readonly in?: string;
  readonly via?: "name" | "link";
  readonly outcome:
    | "found"
    | "known without address"
    | "unknown"
    | "link to nobody"
    | "hidden by a link"
    | "no network";
}

/**
 * Looks a name up as a container's embedded DNS server does (observed: Docker): candidate by candidate, first the
 * links of all networks, then the names of all networks; the first network that knows the name answers for all of
 * them, and for both families. A link hides the name of its network even while nobody has the name it stands for.
 *
 * A name that only endpoints without any address hold (stopped containers) gives way to everybody who has one: it
 * is found in a second round over all candidates, so that it is known, and never asked for elsewhere.
 */
export function lookup(
  index: IndexView,
  view: View,
  qname: Name,
  attempted?: (attempt: Attempt) => void,
): Match | undefined {
  const candidates = candidatesOf(foldName(qname));
  let isKnown = false;
  const isBound = (holders: ReadonlySet<Entry>): boolean => {
    isKnown = true;
    return isAttached(holders);
  };
  const found = round(index, view, candidates, isBound, attempted);
  return found ?? (isKnown ? round(index, view, candidates, () => true) : undefined);
}

const VIAS = ["link", "name"] as const;

/** The candidates in order, against every network of the view; the first set of holders that `accepts` wins. */
function round(
  index: IndexView,
  view: View,
  candidates: readonly Candidate[],
  accepts: (holders: ReadonlySet<Entry>) => boolean,
  attempted?: (attempt: Attempt) => void,
): Match | undefined {
  for (const candidate of candidates) {
    const places = placesFor(index, view, candidate);
    if (places.length === 0) attempted?.({ ...candidate, outcome: "no network" });
    for (const via of VIAS) {
      for (const place of places) {
        const isLink = place.links.has(candidate.name);
        if (via === "link" && !isLink) continue;
        const holders = holdersIn(index, place, candidate.name, via);
        attempted?.({ ...candidate, in: place.network, via, outcome: outcomeOf(holders, via, isLink) });
        if (holders !== undefined && accepts(holders)) return matchOf(place.network, via, candidate, holders);
      }
    }
  }
  return undefined;
}

function placesFor(index: IndexView, view: View, { name, network }: Candidate): readonly Place[] {
  const places = view === "host" ? hostPlaces(index, name) : view;
  return network === undefined ? places : places.filter(({ folded }) => folded === network);
}

/** The networks worth looking in for the host, which is on all of them. */
function hostPlaces(index: IndexView, name: Name): Place[] {
  const networks = [...index.networksOf(name)];
  // Most names are nobody's.
  if (networks.length === 0) return [];
  return networks.sort(byText).map((network) => ({ network, folded: foldedName(network), links: noLinks }));
}

const noLinks: ReadonlyMap<Name, Name | undefined> = new Map();

function holdersIn(
  index: IndexView,
  { network, links }: Place,
  name: Name,
  via: Match["via"],
): ReadonlySet<Entry> | undefined {
  if (via === "name") return links.has(name) ? undefined : index.holders(name, network);
  const target = links.get(name);
  return target === undefined ? undefined : index.holders(target, network);
}

function outcomeOf(
  holders: ReadonlySet<Entry> | undefined,
  via: Match["via"],
  isLink: boolean,
): Attempt["outcome"] {
  if (holders !== undefined) return isAttached(holders) ? "found" : "known without address";
  if (via === "link") return "link to nobody";
  return isLink ? "hidden by a link" : "unknown";
}

function isAttached(holders: ReadonlySet<Entry>): boolean {
  for (const { bound } of holders) if (bound.length > 0) return true;
  return false;
}

function matchOf(
  network: string,
  via: Match["via"],
  candidate: Candidate,
  holders: ReadonlySet<Entry>,
): Match {
  const addresses = new Set<string>();
  const owners: Owner[] = [];
  // A container that does not run has its names, and nothing under them.
  const hasAddresses = isAttached(holders);
  for (const entry of holders) {
    if (hasAddresses && entry.bound.length === 0) continue;
    for (const { address } of entry.bound) addresses.add(address);
    const { name: container, key: sandbox } = entry.holder.container;
    const { source } = entry.holder;
    owners.push({ container, sandbox, kind: entry.kind, source, ...stampOf(entry) });
  }
  return { network, via, candidate, addresses: [...addresses], owners };
}
