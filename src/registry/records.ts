import { type Entry, stampOf } from "./entry.ts";
import type { RecordsFilter, RegistryRecord } from "./model.ts";
import { nameMatcher } from "./name-matcher.ts";
import { byAddress, byText } from "./order.ts";

/** What rows say besides what their entry says. */
interface Circumstances {
  readonly host: string;
  /** Source -> until when it was known to be right; sources that can be asked are not in it. */
  readonly verifiedAt: ReadonlyMap<string, string>;
}

/** The entries that the filter lets through as rows for people, by network, name, kind and container. */
export function recordsOf(
  entries: Iterable<Entry>,
  filter: RecordsFilter,
  circumstances: Circumstances,
): RegistryRecord[] {
  const wanted = entryFilter(filter);
  const records: RegistryRecord[] = [];
  for (const entry of entries) if (wanted(entry)) records.push(recordOf(entry, circumstances));
  return records.sort(byPlaceAndName);
}

function entryFilter({ name, network, container }: RecordsFilter): (entry: Entry) => boolean {
  const isNamed = name === undefined ? () => true : nameMatcher(name);
  const isNetwork = network === undefined ? () => true : sameText(network);
  const isContainer = container === undefined ? () => true : sameText(container);
  return (entry) =>
    isNamed(entry.name, entry.network) &&
    isNetwork(entry.network) &&
    (isContainer(entry.holder.container.name) || entry.holder.container.key === container);
}

function sameText(wanted: string): (text: string) => boolean {
  const folded = wanted.toLowerCase();
  return (text) => text.toLowerCase() === folded;
}

function recordOf(entry: Entry, { host, verifiedAt }: Circumstances): RegistryRecord {
  const { network, name, kind, bound, holder } = entry;
  const at = verifiedAt.get(holder.source);
  return {
    network,
    name,
    kind,
    addresses: bound.map(({ address }) => address).sort(byAddress),
    container: holder.container.name,
    sandbox: holder.container.key,
    source: holder.source,
    host,
    ...stampOf(entry),
    verified: at === undefined,
    ...(at !== undefined && { verifiedAt: at }),
  };
}

function byPlaceAndName(a: RegistryRecord, b: RegistryRecord): number {
  return (
    byText(a.network, b.network) ||
    byText(a.name, b.name) ||
    byText(a.kind, b.kind) ||
    byText(a.container, b.container) ||
    byText(a.sandbox, b.sandbox)
  );
}
