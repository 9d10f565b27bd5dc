import type { Name } from "../wire/message.ts";
import { bindingsOf, type NameBinding } from "./bindings.ts";
import { type Edit, rebind, touch } from "./edit.ts";
import { type Entry, type Holder, identityOf } from "./entry.ts";
import type { Container } from "./model.ts";
import { byAddress } from "./order.ts";
import { Table } from "./table.ts";

/** What a lookup may see of the index: each call costs the same however much the index holds. */
export interface IndexView {
  /** How much there is, over all tables: 0 when nothing is known. */
  readonly size: number;
  /** Who holds a folded name in a network; undefined if nobody does. Links are not among them. */
  holders(name: Name, network: string): ReadonlySet<Entry> | undefined;
  /** The networks in which somebody holds the name, in no order that matters. */
  networksOf(name: Name): Iterable<string>;
  /** The container names bound to an address in a network. */
  owners(address: string, network: string): ReadonlySet<Entry> | undefined;
  networksOfAddress(address: string): Iterable<string>;
}

export interface NameIndex extends IndexView {
  /**
   * Makes the holder's entries those of `container`; undefined takes them all out. The difference is made against
   * the entries that were put in, so nothing can be left behind that is not claimed any more: Docker takes out the
   * names that a container has at the moment, which after a rename are others than it put in.
   */
  replace(holder: Holder, container: Container | undefined, edit: Edit): void;
  /** Brings the links that look at what `edit` changed to the addresses of their targets. Comes last in an edit. */
  relink(edit: Edit): void;
}

export function createNameIndex(): NameIndex {
  const names = new Table<Entry>();
  const addresses = new Table<Entry>();
  const links = new Table<Entry>();

  function replace(holder: Holder, container: Container | undefined, edit: Edit): void {
    const wanted = new Map<string, NameBinding>();
    for (const binding of container === undefined ? [] : bindingsOf(container)) {
      wanted.set(identityOf(binding), binding);
    }
    for (const [identity, entry] of holder.entries) if (!wanted.has(identity)) withdraw(entry, edit);
    if (container !== undefined) holder.container = container;
    const entries = new Map<string, Entry>();
    for (const [identity, binding] of wanted) {
      const entry = holder.entries.get(identity) ?? insert(holder, binding, edit);
      if (entry.kind === "link") retarget(entry, binding.target, edit);
      else readdress(entry, binding.addresses, edit);
      entries.set(identity, entry);
    }
    holder.entries = entries;
  }

  function insert(holder: Holder, { network, name, folded, kind, target }: NameBinding, edit: Edit): Entry {
    const entry: Entry = { holder, network, name, folded, kind, target, bound: [], unbound: edit.stamp };
    if (kind !== "link" && folded !== undefined) names.add(folded, network, entry);
    if (target !== undefined) links.add(target, network, entry);
    if (kind === "link") edit.moved.add(entry);
    touchWithLinks(entry, edit);
    return entry;
  }

  function withdraw(entry: Entry, edit: Edit): void {
    const { network, folded, kind, target } = entry;
    readdress(entry, [], edit);
    if (kind !== "link" && folded !== undefined) names.delete(folded, network, entry);
    if (target !== undefined) links.delete(target, network, entry);
    touchWithLinks(entry, edit);
  }

  /** A name that comes or goes without an address is news to the links that stand for it, too. */
  function touchWithLinks(entry: Entry, edit: Edit): void {
    touch(entry, edit);
    if (entry.kind === "link" || entry.folded === undefined) return;
    for (const link of links.get(entry.folded, entry.network) ?? []) touch(link, edit);
  }

  function readdress(entry: Entry, wanted: readonly string[], edit: Edit): void {
    if (entry.kind === "container-name") {
      for (const { address } of entry.bound) addresses.delete(address, entry.network, entry);
      for (const address of wanted) addresses.add(address, entry.network, entry);
    }
    rebind(entry, wanted, edit);
  }

  function retarget(link: Entry, target: Name | undefined, edit: Edit): void {
    if (link.target === target) return;
    if (link.target !== undefined) links.delete(link.target, link.network, link);
    if (target !== undefined) links.add(target, link.network, link);
    link.target = target;
    edit.moved.add(link);
    touch(link, edit);
  }

  function relink(edit: Edit): void {
    const dirty = new Set<Entry>();
    for (const entry of edit.moved) {
      if (entry.kind === "link") dirty.add(entry);
      else for (const link of links.get(entry.folded ?? "", entry.network) ?? []) dirty.add(link);
    }
    // Links to one name in one network are often many, one of each container: their addresses are found once.
    const found = new Map<string, string[]>();
    for (const link of dirty) {
      // One that was taken out in this edit is in no table, and has lost its addresses already.
      if (link.holder.entries.get(identityOf(link)) !== link) continue;
      const target = link.target ?? "";
      const place = `${link.network}\0${target}`;
      const addresses = found.get(place) ?? addressesOf(target, link.network);
      found.set(place, addresses);
      rebind(link, addresses, edit);
    }
  }

  function addressesOf(name: string, network: string): string[] {
    const held = [...(names.get(name, network) ?? [])].flatMap(({ bound }) => bound);
    return [...new Set(held.map(({ address }) => address))].sort(byAddress);
  }

  return {
    get size() {
      return names.size + addresses.size + links.size;
    },
    replace,
    relink,
    holders: (name, network) => names.get(name, network),
    networksOf: (name) => names.columns(name),
    owners: (address, network) => addresses.get(address, network),
    networksOfAddress: (address) => addresses.columns(address),
  };
}
