import { foldedName } from "../registry/folded-name.ts";
import type { HistoryEntry, NameKind, RegistryRecord } from "../registry/model.ts";
import type { Registry } from "../registry/registry.ts";
import type { Name } from "../wire/message.ts";

/** One name in one network: who has it now, and who had it. */
export interface Binding {
  readonly network: string;
  readonly name: Name;
  /** Of now; empty for a name that nobody has any more. */
  readonly records: RegistryRecord[];
  /** Oldest first. */
  readonly past: HistoryEntry[];
}

/** The bindings of a network, by folded name. */
export type Bindings = ReadonlyMap<string, ReadonlyMap<Name, Binding>>;

/**
 * All names of now and of the history, by network; without links, which only one container sees, and without what a
 * source told that can't be asked any more: nobody could say then who is right.
 */
export function bindingsOf(registry: Registry): Bindings {
  const networks = new Map<string, Map<Name, Binding>>();
  function binding(network: string, text: string, kind: NameKind): Binding | undefined {
    const name = foldedName(text);
    if (kind === "link" || name === undefined) return undefined;
    const names = networks.get(network) ?? new Map<Name, Binding>();
    networks.set(network, names);
    const known = names.get(name) ?? { network, name, records: [], past: [] };
    names.set(name, known);
    return known;
  }
  for (const entry of registry.history()) binding(entry.network, entry.name, entry.kind)?.past.push(entry);
  const doubted: Binding[] = [];
  for (const record of registry.records()) {
    const found = binding(record.network, record.name, record.kind);
    found?.records.push(record);
    if (!record.verified && found !== undefined) doubted.push(found);
  }
  for (const { network, name } of doubted) networks.get(network)?.delete(name);
  return networks;
}

/** What is bound now, of one family. */
export function addressesOf({ records }: Binding, isWanted: (address: string) => boolean): string[] {
  return [...new Set(records.flatMap(({ addresses }) => addresses.filter(isWanted)))];
}
