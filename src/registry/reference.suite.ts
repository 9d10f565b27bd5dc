import type { Container, Endpoint, Network } from "./model.ts";

/**
 * What the registry must be, in the simplest words: all of it worked out anew from the containers, with nothing
 * kept between questions. For names without escapes only.
 */
export interface World {
  readonly containers: ReadonlyMap<string, Container>;
  /** Source -> what it declares. */
  readonly networks: ReadonlyMap<string, ReadonlyMap<string, boolean>>;
}

interface Named {
  readonly network: string;
  readonly name: string;
  readonly kind: string;
  readonly sandbox: string;
  readonly addresses: readonly string[];
}

/** `network|name|kind|sandbox|addresses`, sorted. */
export function referenceRecords(world: World): string[] {
  return [...namesIn(world), ...linksIn(world)]
    .map(({ network, name, kind, sandbox, addresses }) => [network, name, kind, sandbox, addresses].join("|"))
    .sort();
}

/** `network|name|kind|sandbox|address`, sorted. */
export function referenceBindings(world: World): string[] {
  return [...namesIn(world), ...linksIn(world)]
    .flatMap(({ network, name, kind, sandbox, addresses }) =>
      addresses.map((address) => [network, name, kind, sandbox, address].join("|")),
    )
    .sort();
}

/** `network|via|addresses`, or undefined; `qname` without its last dot. */
export function referenceLookup(
  world: World,
  sandbox: string | undefined,
  qname: string,
): string | undefined {
  const places =
    sandbox === undefined
      ? [...new Set(namesIn(world).map(({ network }) => network))]
          .sort()
          .map((network) => ({ network, links: {} }))
      : [...(world.containers.get(sandbox)?.endpoints ?? [])].sort((a, b) => order(world, a, b));
  const labels = qname.toLowerCase().split(".");
  for (const needsAddress of [true, false]) {
    for (let cut = labels.length; cut > 0; cut--) {
      const name = labels.slice(0, cut).join(".");
      const zone = labels.slice(cut).join(".");
      const eligible = places.filter(({ network }) => zone === "" || network.toLowerCase() === zone);
      for (const via of ["link", "name"]) {
        for (const { network, links } of eligible) {
          const link = Object.entries(links).find(([alias]) => alias.toLowerCase() === name);
          if ((link === undefined) === (via === "link")) continue;
          const held = holding(world, network, link?.[1] ?? name);
          const addresses = [...new Set(held.flatMap((one) => one.addresses))].sort();
          if (held.length > 0 && (!needsAddress || addresses.length > 0))
            return [network, via, addresses].join("|");
        }
      }
    }
  }
  return undefined;
}

/** Names of the containers that have the address, in the first network of the view where one has. */
export function referenceOwners(world: World, sandbox: string | undefined, address: string): string[] {
  const all = [...world.containers.values()];
  const places =
    sandbox === undefined
      ? [...new Set(all.flatMap(({ endpoints }) => endpoints.map(({ network }) => network)))].sort()
      : [...(world.containers.get(sandbox)?.endpoints ?? [])]
          .sort((a, b) => order(world, a, b))
          .map(({ network }) => network);
  for (const place of places) {
    const owners = all.filter(({ endpoints }) =>
      endpoints.some(
        ({ network, ipv4, ipv6, nameless }) =>
          nameless !== true && network === place && (ipv4 === address || ipv6 === address),
      ),
    );
    if (owners.length > 0) return owners.map(({ name }) => name).sort();
  }
  return [];
}

/** Key of the one container that is at the address, named there or not. */
export function referenceDweller({ containers }: World, address: string): string | undefined {
  const there = [...containers.values()].filter(
    ({ shares, endpoints }) =>
      shares === undefined && endpoints.some(({ ipv4, ipv6 }) => ipv4 === address || ipv6 === address),
  );
  return there.length === 1 ? there[0]?.key : undefined;
}

function namesIn({ containers }: World): Named[] {
  return [...containers.values()].flatMap(({ key, name, id, hostname, endpoints }) =>
    endpoints.filter(isNamed).flatMap(({ network, aliases, ipv4, ipv6 }) => {
      const claims: [string, string | undefined][] = [
        ["container-name", name],
        ...aliases.map((alias): [string, string] => ["alias", alias]),
        ["short-id", id?.slice(0, 12)],
        ["hostname", hostname],
      ];
      const addresses = [ipv4, ipv6].filter((address) => address !== undefined);
      return claims
        .filter((claim): claim is [string, string] => claim[1] !== undefined)
        .filter(([, text], at, all) => all.findIndex(([, other]) => same(other, text)) === at)
        .map(([kind, text]) => ({ network, name: text, kind, sandbox: key, addresses }));
    }),
  );
}

function linksIn(world: World): Named[] {
  return [...world.containers.values()].flatMap(({ key, endpoints }) =>
    endpoints.filter(isNamed).flatMap(({ network, links }) =>
      Object.entries(links).map(([alias, target]) => {
        const found = holding(world, network, target).flatMap(({ addresses }) => addresses);
        const addresses = [...new Set(found)].sort(ipv4First);
        return { network, name: alias, kind: "link", sandbox: key, addresses };
      }),
    ),
  );
}

function isNamed({ nameless }: Endpoint): boolean {
  return nameless !== true;
}

function holding(world: World, network: string, name: string): Named[] {
  return namesIn(world).filter((one) => one.network === network && same(one.name, name));
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function ipv4First(a: string, b: string): number {
  return a.includes(":") === b.includes(":") ? (a < b ? -1 : 1) : a.includes(":") ? 1 : -1;
}

function order(world: World, a: Endpoint, b: Endpoint): number {
  const stack = ({ ipv4, ipv6 }: Endpoint) => [ipv4, ipv6].filter(Boolean).length;
  return (
    b.priority - a.priority ||
    Number(isInternal(world, a.network)) - Number(isInternal(world, b.network)) ||
    stack(b) - stack(a) ||
    (a.network < b.network ? -1 : 1)
  );
}

export function isInternal({ networks }: World, name: Network["name"]): boolean {
  const said = [...networks.values()].map((of) => of.get(name)).filter((internal) => internal !== undefined);
  return said.length > 0 && !said.includes(false);
}
