import type { Name } from "../wire/message.ts";
import type { NameBinding } from "./bindings.ts";
import type { Container, NameKind } from "./model.ts";
import type { Place } from "./view.ts";

/** When something became true. One object serves all that one change did. */
export interface Stamp {
  /** ISO 8601. */
  readonly since: string;
  readonly revision: number;
}

/** A container, and what the index holds because of it. */
export interface Holder {
  readonly source: string;
  container: Container;
  entries: ReadonlyMap<string, Entry>;
  /** Made when first asked for; undefined again when the container or one of its networks changes. */
  places: readonly Place[] | undefined;
}

/** One name in one network, held by one container. Its identity is `identityOf`; only its addresses come and go. */
export interface Entry {
  readonly holder: Holder;
  readonly network: string;
  readonly name: string;
  readonly folded: Name | undefined;
  readonly kind: NameKind;
  /** Links only. */
  target: Name | undefined;
  bound: readonly Bound[];
  /** Since when it is bound to no address; means nothing while it is bound to one. */
  unbound: Stamp;
}

export interface Bound {
  readonly address: string;
  readonly stamp: Stamp;
}

/** Tells the entries of one container apart. */
export function identityOf({ network, kind, name }: NameBinding | Entry): string {
  return `${network}\0${kind}\0${name}`;
}

/** When the oldest address that it still holds was bound; without one, since when that is so. */
export function stampOf({ bound, unbound }: Entry): Stamp {
  const [first, ...rest] = bound.map(({ stamp }) => stamp);
  if (first === undefined) return unbound;
  return rest.reduce((oldest, stamp) => (stamp.revision < oldest.revision ? stamp : oldest), first);
}
