import type { Name } from "../wire/message.ts";
import type { Entry, Stamp } from "./entry.ts";
import type { HistoryEntry } from "./model.ts";

/** What one change does to the index, gathered while it is done. */
export interface Edit {
  readonly stamp: Stamp;
  readonly cause: string;
  readonly removed: HistoryEntry[];
  readonly added: HistoryEntry[];
  /** Names whose addresses changed, which links may look at; and links that are new or look elsewhere now. */
  readonly moved: Set<Entry>;
  /** Folded names of which anything that a lookup could tell is another than before. */
  readonly names: Set<Name>;
}

export function newEdit(stamp: Stamp, cause: string): Edit {
  return { stamp, cause, removed: [], added: [], moved: new Set(), names: new Set() };
}

/** Binds the entry to exactly these addresses. Those that it keeps keep their stamp, and are no news. */
export function rebind(entry: Entry, addresses: readonly string[], edit: Edit): void {
  const before = new Map(entry.bound.map((bound) => [bound.address, bound]));
  const after = new Set(addresses);
  const gone = [...before.keys()].filter((address) => !after.has(address));
  const fresh = addresses.filter((address) => !before.has(address));
  if (gone.length === 0 && fresh.length === 0) return;
  for (const address of gone) edit.removed.push(historyEntry("removed", entry, address, edit));
  for (const address of fresh) edit.added.push(historyEntry("added", entry, address, edit));
  const { stamp } = edit;
  entry.bound = addresses.map((address) => before.get(address) ?? { address, stamp });
  if (addresses.length === 0) entry.unbound = stamp;
  edit.moved.add(entry);
  touch(entry, edit);
}

/** What is answered for the entry's name is to be worked out anew. */
export function touch({ folded }: Entry, edit: Edit): void {
  if (folded !== undefined) edit.names.add(folded);
}

function historyEntry(
  action: HistoryEntry["action"],
  entry: Entry,
  address: string,
  edit: Edit,
): HistoryEntry {
  const { network, name, kind, holder } = entry;
  return {
    at: edit.stamp.since,
    action,
    network,
    name,
    kind,
    address,
    container: holder.container.name,
    sandbox: holder.container.key,
    source: holder.source,
    cause: edit.cause,
    revision: edit.stamp.revision,
  };
}
