import { canonicalAddress } from "../base/address.ts";
import type { HistoryEntry, NameKind, RegistryRecord } from "./model.ts";
import { nameMatcher } from "./name-matcher.ts";
import type { Registry } from "./registry.ts";

/** An address under a name: who bound it, when and why. */
export interface BoundName {
  readonly name: string;
  readonly network: string;
  readonly kind: NameKind;
  readonly container: string;
  readonly sandbox: string;
  readonly source: string;
  /** ISO 8601. */
  readonly since: string;
  readonly revision: number;
  /** Null if the history does not reach so far back. */
  readonly cause: string | null;
}

/** A container that has an address; for one that binds no name to it, nothing is known of since when and why. */
export interface AddressOwner {
  readonly container: string;
  readonly sandbox: string;
  readonly network: string;
  readonly source: string | null;
  readonly since: string | null;
  readonly revision: number | null;
  readonly cause: string | null;
}

/** A name that an address was taken from, and has not been given back to. */
export interface Removal extends HistoryEntry {
  /** The containers that have the address now. */
  readonly heldNowBy: readonly string[];
}

/** All that is known of one address. */
export interface AddressProvenance {
  readonly address: string;
  readonly owners: readonly AddressOwner[];
  readonly names: readonly BoundName[];
  /** The latest ones, newest last. */
  readonly removed: readonly Removal[];
}

/** Where bindings come from and where they went: made anew for each question, at the cost of looking at all there are. */
export interface Provenance {
  ofAddress(address: string): AddressProvenance;
  /** Addresses that were taken from a name in these networks: `web`, or `web.shop`, in any letter case. */
  removedFrom(name: string, networks: readonly string[] | "all"): readonly Removal[];
}

/** More would bury the latest, which are the ones that matter. */
const MAX_REMOVALS = 10;

export function provenance(registry: Registry): Provenance {
  const history = registry.history();
  const records = registry.records();
  const added = new Map<string, HistoryEntry>();
  for (const entry of history)
    if (entry.action === "added") added.set(bindingKey(entry, entry.address), entry);
  const bound = new Set<string>();
  for (const record of records)
    for (const address of record.addresses) bound.add(bindingKey(record, address));
  const owners = ownersByAddress(registry);

  function bindingOf(record: RegistryRecord, address: string): BoundName {
    const { name, network, kind, container, sandbox, source } = record;
    const { at, cause, revision } = added.get(bindingKey(record, address)) ?? {};
    const since = { since: at ?? record.since, revision: revision ?? record.revision, cause: cause ?? null };
    return { name, network, kind, container, sandbox, source, ...since };
  }

  function removals(matches: (entry: HistoryEntry) => boolean): Removal[] {
    return history
      .filter((entry) => entry.action === "removed" && matches(entry))
      .filter((entry) => !bound.has(bindingKey(entry, entry.address)))
      .slice(-MAX_REMOVALS)
      .map((entry) => ({ ...entry, heldNowBy: [...new Set(owners.get(entry.address)?.map(containerOf))] }));
  }

  return {
    ofAddress(text) {
      const address = canonicalAddress(text);
      const names = records
        .filter((record) => record.addresses.includes(address))
        .map((record) => bindingOf(record, address));
      const owned = (owners.get(address) ?? []).map((owner): AddressOwner => {
        const own = names.find(({ sandbox, network, kind }) => {
          return sandbox === owner.sandbox && network === owner.network && kind === "container-name";
        });
        return {
          ...owner,
          source: own?.source ?? null,
          since: own?.since ?? null,
          revision: own?.revision ?? null,
          cause: own?.cause ?? null,
        };
      });
      return { address, owners: owned, names, removed: removals((entry) => entry.address === address) };
    },
    removedFrom(name, networks) {
      const matches = nameMatcher(name);
      return removals(
        (entry) =>
          (networks === "all" || networks.includes(entry.network)) && matches(entry.name, entry.network),
      );
    },
  };
}

/** What made a container's bindings in a network what they are since this revision; null if the history has forgotten. */
export function causeOf(
  registry: Pick<Registry, "history">,
  { sandbox, network, revision }: Pick<HistoryEntry, "sandbox" | "network" | "revision">,
): string | null {
  const made = registry
    .history()
    .find((entry) => entry.revision === revision && entry.sandbox === sandbox && entry.network === network);
  return made?.cause ?? null;
}

/** Tells one binding from all others, through time. */
function bindingKey(
  { sandbox, network, kind, name }: Pick<HistoryEntry, "sandbox" | "network" | "kind" | "name">,
  address: string,
): string {
  return JSON.stringify([sandbox, network, kind, name, address]);
}

type Place = Pick<AddressOwner, "container" | "sandbox" | "network">;

function containerOf({ container }: Place): string {
  return container;
}

/** Those with and without names; one that lives in another's sandbox has none of its own. */
function ownersByAddress(registry: Registry): ReadonlyMap<string, readonly Place[]> {
  const owners = new Map<string, Place[]>();
  for (const { key, name, shares, endpoints } of registry.containers()) {
    if (shares !== undefined) continue;
    for (const { network, ipv4, ipv6 } of endpoints) {
      for (const address of [ipv4, ipv6]) {
        if (address === undefined) continue;
        const there = owners.get(address) ?? [];
        owners.set(address, [...there, { container: name, sandbox: key, network }]);
      }
    }
  }
  return owners;
}
