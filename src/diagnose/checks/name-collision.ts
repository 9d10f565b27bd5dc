import { foldedName } from "../../registry/folded-name.ts";
import { lookup } from "../../registry/lookup.ts";
import type { Container, RegistryRecord } from "../../registry/model.ts";
import type { Name } from "../../wire/message.ts";
import type { Check, Found } from "../check.ts";
import type { Context } from "../context.ts";
import { listed } from "../together.ts";

/** One name, held by containers that have nothing to do with each other, where somebody sees both. */
export const nameCollision: Check = {
  code: "name-collision",
  async run(context) {
    const names = holdersByName(context);
    return [...names.values()].flatMap(({ name, networks }) => [
      ...[...networks.values()].filter(areStrangers).map((holders) => withinNetwork(name, holders)),
      ...acrossNetworks(context, name, networks),
    ]);
  },
};

interface Holder {
  readonly record: RegistryRecord;
  readonly container: Container;
}

interface Held {
  readonly name: Name;
  readonly networks: Map<string, Holder[]>;
}

/** Who answers to a name, by name and by network: those that have an address, and no links, which one container sees. */
function holdersByName({ registry }: Context): Map<Name, Held> {
  const names = new Map<Name, Held>();
  for (const record of registry.records()) {
    const name = foldedName(record.name);
    const container = registry.container(record.sandbox);
    const told = ["container-name", "alias", "hostname"].includes(record.kind);
    if (!told || record.addresses.length === 0 || name === undefined || container === undefined) continue;
    const held = names.get(name) ?? { name, networks: new Map<string, Holder[]>() };
    held.networks.set(record.network, [...(held.networks.get(record.network) ?? []), { record, container }]);
    names.set(name, held);
  }
  return names;
}

/**
 * Of different projects. Where there are no projects, an alias that several share is what aliases are for; a name that
 * is one's own name or hostname, and another's too, is not.
 */
function areStrangers(holders: readonly Holder[]): boolean {
  if (holders.length < 2) return false;
  const projects = new Set(holders.map(({ container }) => container.project));
  if (projects.size > 1) return true;
  return projects.has(undefined) && holders.some(({ record }) => record.kind !== "alias");
}

function withinNetwork(name: Name, holders: readonly Holder[]): Found {
  const text = name.slice(0, -1);
  const { network } = holders[0]!.record;
  return {
    severity: "warning",
    subject: `${text} in network ${network}`,
    text: `"${text}" is the name of ${described(holders)}, all in network ${network}: whoever asks gets the addresses of all of them in random order, and so sometimes the wrong one.`,
    evidence: { name: text, networks: [network], holders: holders.map(told) },
    remedy: `give one of them another ${kindsOf(holders)}, or a network of its own; until then ask for a name that only one of them has`,
  };
}

/** Containers that see the name in several networks, held by others in each: the first network answers for all. */
function acrossNetworks(context: Context, name: Name, networks: Held["networks"]): Found[] {
  if (networks.size < 2) return [];
  const cases = new Map<string, { seen: Holder[][]; winner: string; by: string[] }>();
  for (const container of context.registry.containers()) {
    const attached = new Set(container.endpoints.map(({ network }) => network));
    const seen = [...networks].filter(([network]) => attached.has(network)).map(([, holders]) => holders);
    if (seen.length < 2 || !areApart(seen)) continue;
    const winner = lookup(context.registry.index, context.registry.view(container.key), name)?.network;
    if (winner === undefined) continue;
    const key = JSON.stringify([winner, ...seen.map(([holder]) => holder!.record.network)]);
    const known = cases.get(key) ?? { seen, winner, by: [] };
    known.by.push(container.name);
    cases.set(key, known);
  }
  return [...cases.values()].map((each) => betweenNetworks(name.slice(0, -1), each));
}

/** No container holds it in two of them, and they are not of one project. */
function areApart(seen: readonly (readonly Holder[])[]): boolean {
  const holders = seen.flat();
  if (new Set(holders.map(({ container }) => container.key)).size < holders.length) return false;
  const projects = new Set(holders.map(({ container }) => container.project));
  return projects.size > 1 || projects.has(undefined);
}

function betweenNetworks(
  name: string,
  { seen, winner, by }: { seen: readonly Holder[][]; winner: string; by: readonly string[] },
): Found {
  const networks = seen.map(([holder]) => holder!.record.network);
  const hidden = seen.filter(([holder]) => holder!.record.network !== winner).flat();
  return {
    severity: "warning",
    subject: `${name}, as ${listed(by)} ${by.length === 1 ? "sees" : "see"} it`,
    text: `"${name}" is held by different containers in the networks ${networks.join(" and ")}. ${listed(by)}, on all of them, always ${by.length === 1 ? "gets" : "get"} the one of network ${winner}, and never ${described(hidden)}.`,
    evidence: { name, networks, answeredFrom: winner, seenBy: by, holders: seen.flat().map(told) },
    remedy: `ask for the one that is meant by its network (${networks.map((network) => `${name}.${network}`).join(", ")}), or give one of them another name`,
  };
}

function described(holders: readonly Holder[]): string {
  return holders
    .map(({ container: { name, project } }) => (project === undefined ? name : `${name} of ${project}`))
    .join(" and ");
}

function kindsOf(holders: readonly Holder[]): string {
  const kinds = new Set(holders.map(({ record }) => record.kind.replace("container-name", "container name")));
  return [...kinds].join(" or ");
}

function told({ record: { network, kind, addresses }, container: { name, project } }: Holder) {
  return { container: name, project: project ?? null, network, kind, addresses };
}
