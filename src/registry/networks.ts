import type { Name } from "../wire/message.ts";
import { foldedName } from "./folded-name.ts";
import type { Network } from "./model.ts";

/**
 * The networks that sources declare or containers are attached to. Networks of one name are one network, which is
 * internal only if every source that declares it says so; one that nobody declares is not. Letter case counts:
 * `Shop` and `shop` are two networks, though a question cannot tell them apart and looks in both.
 */
export interface Networks {
  get(name: string): Network | undefined;
  /** What the network is called in a question; undefined if it can't be in one. */
  folded(name: string): Name | undefined;
  /** Takes down all that a source knows. Gives the names whose `get` is not what it was. */
  declare(source: string, networks: readonly Network[]): string[];
  join(name: string, key: string): void;
  leave(name: string, key: string): void;
  /** Keys of the containers attached to it. */
  members(name: string): Iterable<string>;
}

interface Known {
  readonly folded: Name | undefined;
  /** Source -> internal. */
  readonly declared: Map<string, boolean>;
  readonly members: Set<string>;
}

export function createNetworks(): Networks {
  const known = new Map<string, Known>();
  const bySource = new Map<string, readonly string[]>();

  function get(name: string): Network | undefined {
    const declared = known.get(name)?.declared;
    if (declared === undefined) return undefined;
    return { name, internal: declared.size > 0 && [...declared.values()].every((internal) => internal) };
  }

  function obtain(name: string): Known {
    let network = known.get(name);
    if (network === undefined) {
      network = { folded: foldedName(name), declared: new Map(), members: new Set() };
      known.set(name, network);
    }
    return network;
  }

  function drop(name: string): void {
    const network = known.get(name);
    if (network?.declared.size === 0 && network.members.size === 0) known.delete(name);
  }

  function declare(source: string, networks: readonly Network[]): string[] {
    const said = new Map(networks.map(({ name, internal }) => [name, internal]));
    const unsaid = [...(bySource.get(source) ?? [])].filter((name) => !said.has(name));
    const affected = [...said.keys(), ...unsaid];
    const before = affected.map(get);
    for (const [name, internal] of said) obtain(name).declared.set(source, internal);
    for (const name of unsaid) {
      known.get(name)?.declared.delete(source);
      drop(name);
    }
    if (said.size > 0) bySource.set(source, [...said.keys()]);
    else bySource.delete(source);
    return affected.filter((name, at) => get(name)?.internal !== before[at]?.internal);
  }

  return {
    get,
    folded: (name) => known.get(name)?.folded,
    declare,
    join: (name, key) => void obtain(name).members.add(key),
    leave(name, key) {
      known.get(name)?.members.delete(key);
      drop(name);
    },
    members: (name) => known.get(name)?.members ?? [],
  };
}
