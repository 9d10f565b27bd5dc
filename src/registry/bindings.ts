import type { Name } from "../wire/message.ts";
import { foldedName } from "./folded-name.ts";
import type { Container, Endpoint, NameKind } from "./model.ts";

/** One name in one network, as a container's description claims it. */
export interface NameBinding {
  readonly network: string;
  /** As configured. */
  readonly name: string;
  /** What it is asked for by; undefined if it can't be a DNS name. */
  readonly folded: Name | undefined;
  readonly kind: NameKind;
  /** Names only: a link's addresses are its target's. */
  readonly addresses: readonly string[];
  /** Links only: the folded name that the alias stands for, undefined if it can't be a DNS name. */
  readonly target?: Name | undefined;
}

/**
 * All that a container's description binds, names first. A pure function: what is in the index is always the
 * difference of two results of it, never of two looks at a container that may have changed between them.
 *
 * Per network: container name, aliases in order, short id, hostname (observed: Docker's order). A name claimed twice,
 * letter case apart, is bound once, as the first of its kinds. There is exactly one `container-name` per network; a
 * nameless endpoint binds nothing.
 */
export function bindingsOf(container: Container): NameBinding[] {
  const bound = new Map<string, NameBinding>();
  const named = container.endpoints.filter(({ nameless }) => nameless !== true);
  for (const endpoint of named) {
    for (const binding of namesOf(container, endpoint)) addTo(bound, binding, "name");
  }
  for (const endpoint of named) {
    for (const binding of linksOf(endpoint)) addTo(bound, binding, "link");
  }
  return [...bound.values()];
}

function addTo(bound: Map<string, NameBinding>, binding: NameBinding, via: "name" | "link"): void {
  const { network, name, folded, addresses } = binding;
  // A name that can't be folded ends in no dot of its own, so the two kinds of identity never meet.
  const identity = `${via}\0${network}\0${folded ?? `\0${name}`}`;
  const first = bound.get(identity);
  if (first === undefined) bound.set(identity, binding);
  // Only a container that is twice in one network gets new addresses here.
  else bound.set(identity, { ...first, addresses: [...new Set([...first.addresses, ...addresses])] });
}

function namesOf(container: Container, endpoint: Endpoint): NameBinding[] {
  const { network } = endpoint;
  const addresses = addressesOf(endpoint);
  const binding = (kind: NameKind, name: string): NameBinding => ({
    network,
    name,
    folded: foldedName(name),
    kind,
    addresses,
  });
  const names = [binding("container-name", container.name)];
  for (const alias of endpoint.aliases) names.push(binding("alias", alias));
  if (container.id !== undefined) names.push(binding("short-id", container.id.slice(0, SHORT_ID_LENGTH)));
  if (container.hostname !== undefined) names.push(binding("hostname", container.hostname));
  return names;
}

/** Docker's: the first 12 hexadecimal digits of the id are a name, the whole id is not. */
const SHORT_ID_LENGTH = 12;

function addressesOf({ ipv4, ipv6 }: Endpoint): string[] {
  return [ipv4, ipv6].filter((address) => address !== undefined);
}

function linksOf(endpoint: Endpoint): NameBinding[] {
  return Object.entries(endpoint.links).map(([alias, target]) => ({
    network: endpoint.network,
    name: alias,
    folded: foldedName(alias),
    kind: "link",
    addresses: [],
    target: foldedName(target),
  }));
}
