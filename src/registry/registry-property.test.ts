import fc from "fast-check";
import { expect, test } from "vitest";
import { stillClock } from "./fixture.suite.ts";
import { lookup } from "./lookup.ts";
import type { Container, Endpoint, Network, RegistryRecord } from "./model.ts";
import {
  isInternal,
  referenceBindings,
  referenceDweller,
  referenceLookup,
  referenceOwners,
  referenceRecords,
} from "./reference.suite.ts";
import { createRegistry, type Registry } from "./registry.ts";
import { reverseLookup } from "./reverse.ts";

// Small pools, so that everything collides with everything: names with other names, in other cases, with qualified
// names of other networks, with links and with their targets.
const SOURCES = ["a", "b"];
const NETWORKS = ["net", "Net2", "b.net"];
const NAMES = ["web", "Web", "db", "web.net", "db.b", "0123456789ab"];
const ADDRESSES_4 = ["10.0.0.1", "10.0.0.2", "10.0.0.3"];
const ADDRESSES_6 = ["fd00::1", "fd00::2"];
const QNAMES = [
  ...NAMES,
  ...NAMES.flatMap((name) => NETWORKS.map((network) => `${name}.${network}`)),
  "nobody",
];

interface Model {
  containers: Map<string, Container>;
  owner: Map<string, string>;
  networks: Map<string, Map<string, boolean>>;
}

interface Real {
  registry: Registry;
}

type Step = fc.Command<Model, Real>;

const name = fc.constantFrom(...NAMES);
const perhaps = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined, freq: 2 });

const seldom = <T>(value: T) => fc.constantFrom(undefined, undefined, undefined, undefined, value);

/** The object without what is undefined: the model's types know no such properties. */
function compact<T extends object>(value: { [K in keyof T]: T[K] | undefined }): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
}

const endpoint: fc.Arbitrary<Endpoint> = fc
  .record({
    network: fc.constantFrom(...NETWORKS),
    ipv4: perhaps(fc.constantFrom(...ADDRESSES_4)),
    ipv6: perhaps(fc.constantFrom(...ADDRESSES_6)),
    aliases: fc.array(name, { maxLength: 3 }),
    links: fc.uniqueArray(fc.tuple(name, name), { maxLength: 2, selector: ([alias]) => alias.toLowerCase() }),
    priority: fc.constantFrom(0, 0, 1),
    nameless: seldom(true as const),
  })
  .map(({ links, ...rest }) => compact<Endpoint>({ ...rest, links: Object.fromEntries(links) }));

function containerOf(source: string): fc.Arbitrary<Container> {
  return fc
    .record({
      key: fc.constantFrom("1", "2", "3").map((id) => `${source}/${id}`),
      name,
      id: perhaps(fc.constantFrom("0123456789abcdef", "ba9876543210ffff")),
      hostname: perhaps(name),
      shares: seldom(`${source}/1`),
      endpoints: fc.uniqueArray(endpoint, { maxLength: 3, selector: ({ network }) => network }),
    })
    .map((one) => compact<Container>(one));
}

const networksArbitrary: fc.Arbitrary<Network[]> = fc.uniqueArray(
  fc.record({ name: fc.constantFrom(...NETWORKS), internal: fc.boolean() }),
  { selector: ({ name: network }) => network },
);

function syncModel(
  model: Model,
  source: string,
  containers: readonly Container[],
  networks: readonly Network[],
): void {
  for (const [key, owner] of model.owner) if (owner === source) forget(model, key);
  for (const container of containers) learn(model, source, container);
  model.networks.set(source, new Map(networks.map((network) => [network.name, network.internal])));
}

function learn(model: Model, source: string, container: Container): void {
  model.containers.set(container.key, container);
  model.owner.set(container.key, source);
}

function forget(model: Model, key: string): void {
  model.containers.delete(key);
  model.owner.delete(key);
}

function snapshotOf(model: Model, source: string) {
  const containers = [...model.containers.values()].filter(({ key }) => model.owner.get(key) === source);
  const networks = [...(model.networks.get(source) ?? [])].map(([network, internal]) => ({
    name: network,
    internal,
  }));
  return structuredClone({ containers, networks });
}

function syncAll(model: Model, registry: Registry, cause: string): void {
  for (const source of SOURCES)
    registry.apply({ kind: "sync", source, cause, snapshot: snapshotOf(model, source) });
}

function newRegistry(): Registry {
  return createRegistry({ clock: stillClock(), host: "h", historyLimit: 100_000 });
}

/** A step that does the same to the model and to the registry, and then compares all that can be asked. */
function step(label: string, run: (model: Model, real: Real) => void): Step {
  return {
    check: () => true,
    run(model, real) {
      run(model, real);
      compare(model, real.registry);
    },
    toString: () => label,
  };
}

/** Does something to a container that there is; to none, where there is none. */
function edit(at: number, label: string, change: (container: Container) => Container): Step {
  return step(`${label} #${at}`, (model, { registry }) => {
    const all = [...model.containers.values()];
    const before = all[at % Math.max(all.length, 1)];
    if (before === undefined) return;
    const container = change(before);
    const source = model.owner.get(before.key)!;
    learn(model, source, container);
    registry.apply({ kind: "put", source, cause: label, container });
  });
}

const source = fc.constantFrom(...SOURCES);
const place = fc.nat(5);

const steps: fc.Arbitrary<Step>[] = [
  source.chain((from) =>
    containerOf(from).map((container) =>
      step(`put ${JSON.stringify(container)}`, (model, { registry }) => {
        learn(model, from, container);
        registry.apply({ kind: "put", source: from, cause: "put", container });
      }),
    ),
  ),
  source.chain((from) =>
    fc
      .tuple(
        fc.uniqueArray(containerOf(from), { maxLength: 3, selector: ({ key }) => key }),
        networksArbitrary,
      )
      .map(([containers, networks]) =>
        step(`sync ${from} ${JSON.stringify({ containers, networks })}`, (model, { registry }) => {
          syncModel(model, from, containers, networks);
          registry.apply({ kind: "sync", source: from, cause: "sync", snapshot: { containers, networks } });
        }),
      ),
  ),
  fc.tuple(source, fc.constantFrom("1", "2", "3")).map(([from, id]) =>
    step(`remove ${from}/${id}`, (model, { registry }) => {
      forget(model, `${from}/${id}`);
      registry.apply({ kind: "remove", source: from, cause: "remove", key: `${from}/${id}` });
    }),
  ),
  fc.tuple(place, name).map(([at, to]) => edit(at, `rename to ${to}`, (one) => ({ ...one, name: to }))),
  fc.tuple(place, perhaps(fc.constantFrom(...ADDRESSES_4))).map(([at, ipv4]) =>
    edit(at, `readdress ${ipv4}`, (one) => ({
      ...one,
      endpoints: one.endpoints.map((of) => compact<Endpoint>({ ...of, ipv4 })),
    })),
  ),
  place.map((at) => edit(at, "disconnect", (one) => ({ ...one, endpoints: one.endpoints.slice(1) }))),
  fc.constant(
    step("the same again", (model, { registry }) => {
      const [before, entries] = [registry.revision, registry.history().length];
      syncAll(model, registry, "again");
      expect([registry.revision, registry.history().length]).toEqual([before, entries]);
    }),
  ),
  fc.constant(
    step("restart", (model, real) => {
      real.registry = newRegistry();
      syncAll(model, real.registry, "restart");
    }),
  ),
];

function compare(model: Model, registry: Registry): void {
  const records = registry.records();
  expect(records.map(recordText).sort()).toEqual(referenceRecords(model));
  expect(replayed(registry)).toEqual(referenceBindings(model));
  for (const network of NETWORKS) {
    expect(registry.network(network)?.internal ?? false).toBe(isInternal(model, network));
  }
  for (const address of [...ADDRESSES_4, ...ADDRESSES_6]) {
    expect(registry.sandboxByAddress(address), address).toBe(referenceDweller(model, address));
  }
  for (const sandbox of [undefined, ...model.containers.keys(), "nobody"]) {
    const view = registry.view(sandbox);
    for (const qname of QNAMES) {
      const match = lookup(registry.index, view, `${qname}.`);
      const found = match && [match.network, match.via, [...match.addresses].sort()].join("|");
      expect(found, `${sandbox} asks for ${qname}`).toBe(referenceLookup(model, sandbox, qname));
    }
    for (const address of [...ADDRESSES_4, ...ADDRESSES_6]) {
      const owners = [...(reverseLookup(registry.index, view, address)?.containers ?? [])];
      expect(owners, `${sandbox} asks for ${address}`).toEqual(referenceOwners(model, sandbox, address));
    }
  }
}

function recordText({ network, name: text, kind, sandbox, addresses }: RegistryRecord): string {
  return [network, text, kind, sandbox, addresses].join("|");
}

/** What there is if all that was added and removed since the beginning is done again. */
function replayed(registry: Registry): string[] {
  const bindings = new Set<string>();
  for (const { action, network, name: text, kind, sandbox, address } of registry.history()) {
    const binding = [network, text, kind, sandbox, address].join("|");
    expect(bindings.has(binding), `${action} ${binding}`).toBe(action === "removed");
    if (action === "added") bindings.add(binding);
    else bindings.delete(binding);
  }
  return [...bindings].sort();
}

test("the registry is what its containers say, whatever happened before, and nothing is left of what is gone", () => {
  fc.assert(
    fc.property(fc.commands(steps, { maxCommands: 15 }), (commands) => {
      const real: Real = { registry: newRegistry() };
      const model: Model = { containers: new Map(), owner: new Map(), networks: new Map() };
      fc.modelRun(() => ({ model, real }), commands);
      for (const one of SOURCES) {
        real.registry.apply({
          kind: "sync",
          source: one,
          cause: "end",
          snapshot: { networks: [], containers: [] },
        });
      }
      expect([real.registry.index.size, real.registry.records(), replayed(real.registry)]).toEqual([
        0,
        [],
        [],
      ]);
      for (const network of NETWORKS) expect(real.registry.network(network)).toBeUndefined();
    }),
    { numRuns: 100 },
  );
}, 60_000);
