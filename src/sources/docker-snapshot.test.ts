import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type EngineContainer, engineContainer, engineNetwork } from "./docker-schema.ts";
import {
  containerOf,
  type EngineWorld,
  type KnownContainer,
  networkOf,
  startingWith,
  withoutProcess,
} from "./docker-snapshot.ts";

// What Docker 20.10 answered, without what nobody reads.
const file = new URL("../../test/fixtures/docker/engine-20.10.json", import.meta.url);
const recorded = JSON.parse(readFileSync(file, "utf8")) as { containers: unknown[]; networks: unknown[] };
const containers = new Map(
  recorded.containers.map((one) => engineContainer.parse(one)).map((one) => [one.Id, one]),
);
const networks = recorded.networks.map((one) => engineNetwork.parse(one));

function called(name: string): EngineContainer {
  return [...containers.values()].find(({ Name }) => Name === `/${name}`)!;
}

function worldOf(changes: Partial<EngineWorld> = {}): EngineWorld {
  return {
    source: "docker:x",
    containers,
    networks: new Map(networks.map((network) => [network.Name, network])),
    netns: ({ State }) => `/proc/${State.Pid}/ns/net`,
    isInHosts: () => false,
    swarmNames: () => [],
    ...changes,
  };
}

const mapped = (name: string) => containerOf(called(name), worldOf());

describe("an inspected container", () => {
  test("has its names, addresses, namespace and upstreams, each once and as its own kind", () => {
    const { Id, State } = called("web-1");
    expect(mapped("web-1")).toEqual({
      key: `docker:x/${Id}`,
      name: "web-1",
      id: Id,
      hostname: "w.example",
      netns: `/proc/${State.Pid}/ns/net`,
      // Without 127.0.0.11, which would be ourselves.
      upstreams: [{ address: "10.9.9.9", port: 53 }],
      endpoints: [
        { network: "back", ipv4: "172.19.0.2", aliases: ["bweb"], links: {}, priority: 0 },
        {
          network: "shop",
          ipv4: "172.18.0.2",
          ipv6: "fd00:5::2",
          // The engine has the short id and the hostname among them.
          aliases: ["web", "www"],
          links: {},
          priority: 0,
        },
      ],
    });
  });

  test("has its links by alias; a link without one is called as its target", () => {
    expect(mapped("linker2").endpoints[0]?.links).toEqual({ weblink: "web-1", "web-1": "web-1" });
  });

  test.each(["created", "stopped"])("that is %s has its names, and neither address nor namespace", (name) => {
    const { endpoints, netns, netnsMissing } = mapped(name);
    expect(netns).toBeUndefined();
    expect(netnsMissing).toBe("stopped");
    const aliases = { created: ["late"], stopped: ["gone"] }[name];
    expect(endpoints).toEqual([{ network: "shop", aliases, links: {}, priority: 0 }]);
  });

  test("that waits to be restarted has no address, though it counts as running", () => {
    const waiting = { ...called("rest"), State: { ...called("rest").State, Restarting: true } };
    expect(containerOf(waiting, worldOf()).endpoints[0]).not.toHaveProperty("ipv4");
  });

  test("on the host's network has no endpoint, namespace or hostname of ours", () => {
    const { Id } = called("hst");
    expect(mapped("hst")).toEqual({
      key: `docker:x/${Id}`,
      name: "hst",
      id: Id,
      netnsMissing: "host",
      endpoints: [],
    });
  });

  test("that lives with one on the host's network has no namespace of ours either, whether that one runs or not", () => {
    const { Id } = called("hst");
    const web = called("web-1");
    const guest = { ...web, HostConfig: { ...web.HostConfig, NetworkMode: `container:${Id}` } };
    for (const host of [called("hst"), withoutProcess(called("hst"))]) {
      const description = containerOf(guest, worldOf({ containers: new Map([[Id, host]]) }));
      expect(description).not.toHaveProperty("netns");
      expect(description).toMatchObject({ netnsMissing: "host" });
    }
  });

  test("that lives with one that is gone has the host's network if its process is seen to", () => {
    const web = called("web-1");
    const guest = { ...web, HostConfig: { ...web.HostConfig, NetworkMode: `container:${"0".repeat(64)}` } };
    const description = (isInHosts: boolean) => containerOf(guest, worldOf({ isInHosts: () => isInHosts }));
    expect(description(true)).toMatchObject({ netnsMissing: "host" });
    expect(description(true)).not.toHaveProperty("netns");
    expect(description(false)).toHaveProperty("netns");
    // Of others the engine says it.
    expect(containerOf(web, worldOf({ isInHosts: () => true }))).toHaveProperty("netns");
  });

  test("that runs where this machine can't see it has no namespace", () => {
    expect(containerOf(called("web-1"), worldOf({ netns: () => undefined }))).toMatchObject({
      netnsMissing: "unseen",
    });
  });

  test("without a network is nameless on one that leads nowhere", () => {
    expect(mapped("non").endpoints).toMatchObject([{ network: "none", nameless: true }]);
  });

  test("that was taken from its last network is as one without any while it runs", () => {
    const { HostConfig, NetworkSettings } = called("web-1");
    const web = { ...called("web-1"), NetworkSettings: { ...NetworkSettings, Networks: {} } };
    const cutOff = [{ network: "none", aliases: [], links: {}, priority: 0, nameless: true }];
    expect(containerOf(web, worldOf()).endpoints).toEqual(cutOff);
    const sharer = containerOf(called("sharer"), worldOf({ containers: new Map([[web.Id, web]]) }));
    expect(sharer.endpoints).toEqual(cutOff);
    expect(containerOf(withoutProcess(web), worldOf()).endpoints).toEqual([]);
    const hosted = { ...web, HostConfig: { ...HostConfig, NetworkMode: "host" } };
    expect(containerOf(hosted, worldOf()).endpoints).toEqual([]);
  });

  test.each([
    ["bridge", false],
    ["ingress", true],
  ])("has no names on %s, but its address", (name, Ingress) => {
    const { Id, NetworkSettings } = called("rest");
    const Networks = { [name]: NetworkSettings.Networks.shop! };
    const moved = { ...called("rest"), NetworkSettings: { ...NetworkSettings, Networks } };
    const network = { Id: "i", Name: name, Driver: "overlay", Ingress };
    const world = worldOf({ networks: new Map([[name, network]]), swarmNames: () => ["tasks.x"] });
    const [endpoint] = containerOf(moved, world).endpoints;
    expect(endpoint).toMatchObject({ ipv4: "172.18.0.4", aliases: [], links: {}, nameless: true });
    expect(Id).toHaveLength(64);
  });

  test("is of its Compose project, or of its stack", () => {
    const labelled = (Labels: Readonly<Record<string, string>>) => {
      const web = called("web-1");
      return containerOf({ ...web, Config: { ...web.Config, Labels } }, worldOf()).project;
    };
    expect(labelled({})).toBeUndefined();
    expect(labelled({ "com.docker.compose.project": "shop" })).toBe("shop");
    const swarm = { "com.docker.stack.namespace": "shop", "com.docker.swarm.service.name": "shop_web" };
    expect(labelled(swarm)).toBe("shop");
    expect(labelled({ "com.docker.swarm.service.name": "web" })).toBe("web");
  });

  test("has the names that a swarm gives it, and its gateway priority", () => {
    const { NetworkSettings } = called("rest");
    const Networks = { shop: { ...NetworkSettings.Networks.shop!, GwPriority: 7 } };
    const task = { ...called("rest"), NetworkSettings: { ...NetworkSettings, Networks } };
    const world = worldOf({ swarmNames: (_, network) => [`tasks.${network}`] });
    expect(containerOf(task, world).endpoints).toMatchObject([{ aliases: ["tasks.shop"], priority: 7 }]);
  });
});

describe("a container in another's sandbox", () => {
  test("has that one's endpoints without names, its upstreams, and says so", () => {
    const web = mapped("web-1");
    expect(mapped("sharer")).toMatchObject({
      shares: web.key,
      upstreams: web.upstreams,
      endpoints: web.endpoints.map((endpoint) => ({ ...endpoint, aliases: [], nameless: true })),
    });
  });

  const sharing = (changes: Partial<KnownContainer["State"]>) => {
    const web = { ...called("web-1"), State: { ...called("web-1").State, ...changes } };
    return containerOf(called("sharer"), worldOf({ containers: new Map([[web.Id, web]]) }));
  };

  test("has no known network, rather than none, when nobody knows that one", () => {
    const { endpoints } = containerOf(called("sharer"), worldOf({ containers: new Map() }));
    expect(endpoints).toEqual([]);
  });

  test("has none on the host's network, also when that one has stopped", () => {
    const sharer = called("sharer");
    const host = called("hst");
    const guest = { ...sharer, HostConfig: { ...sharer.HostConfig, NetworkMode: `container:${host.Id}` } };
    for (const one of [host, withoutProcess(host)])
      expect(containerOf(guest, worldOf({ containers: new Map([[host.Id, one]]) })).endpoints).toEqual([]);
  });

  test.each([
    ["has stopped", { Running: false, Pid: 0 }],
    ["has been started again, in another namespace", { StartedAt: "2026-11-22T22:58:34.0Z" }],
  ])("stands alone when that one %s", (_, changes) => {
    expect(sharing(changes)).toMatchObject({ netns: expect.any(String), endpoints: [] });
    expect(sharing(changes)).not.toHaveProperty("shares");
  });
});

describe("a container in the sandbox of one that lives in another's", () => {
  const web = called("web-1");
  const sharer = called("sharer");
  const third = guestOf(sharer.Id, "3".repeat(64), "2026-11-22T22:58:35.0Z");

  function guestOf(target: string, Id: string, StartedAt = sharer.State.StartedAt): KnownContainer {
    const HostConfig = { ...sharer.HostConfig, NetworkMode: `container:${target}` };
    return { ...sharer, Id, HostConfig, State: { ...sharer.State, StartedAt } };
  }

  const among = (...others: readonly KnownContainer[]) =>
    containerOf(third, worldOf({ containers: new Map(others.map((one) => [one.Id, one])) }));

  test("has the last one's endpoints, and says so", () => {
    const { key, endpoints } = mapped("web-1");
    expect(among(web, sharer)).toMatchObject({
      shares: key,
      endpoints: endpoints.map((endpoint) => ({ ...endpoint, aliases: [], nameless: true })),
    });
  });

  test("keeps them when the one between has stopped", () => {
    expect(among(web, withoutProcess(sharer))).toMatchObject({ shares: mapped("web-1").key });
  });

  test("is with the one between when the last one has stopped, or was started anew", () => {
    const anew = { ...web, State: { ...web.State, StartedAt: "2026-11-22T22:58:34.0Z" } };
    for (const last of [withoutProcess(web), anew])
      expect(among(last, sharer)).toMatchObject({ shares: mapped("sharer").key, endpoints: [] });
  });

  test("has the host's network where the last one has", () => {
    const host = called("hst");
    const between = guestOf(host.Id, sharer.Id);
    for (const last of [host, withoutProcess(host)])
      expect(among(last, between)).toMatchObject({ netnsMissing: "host" });
  });

  test("of a circle is with one of it", () => {
    expect(among(guestOf(third.Id, sharer.Id), third)).toMatchObject({ shares: mapped("sharer").key });
  });
});

describe("between two inspects", () => {
  test("one that is being started has the address that its network tells", () => {
    const member = { Name: "x", IPv4Address: "172.18.0.9/16", IPv6Address: "fd00:5::9/64" };
    const starting = startingWith(called("created"), "shop", member);
    expect(containerOf(starting, worldOf())).toMatchObject({
      endpoints: [{ ipv4: "172.18.0.9", ipv6: "fd00:5::9", aliases: ["late"] }],
    });
    expect(containerOf(starting, worldOf())).not.toHaveProperty("netns");
    expect(containerOf(withoutProcess(starting), worldOf()).endpoints[0]).not.toHaveProperty("ipv4");
  });

  test("a network that it is not on tells nothing", () => {
    expect(
      startingWith(called("created"), "back", { Name: "x", IPv4Address: "1.2.3.4/8", IPv6Address: "" }),
    ).toBe(called("created"));
  });

  test("one whose process has ended has no address", () => {
    const [endpoint] = containerOf(withoutProcess(called("rest")), worldOf()).endpoints;
    expect(endpoint).toEqual({ network: "shop", aliases: [], links: {}, priority: 0 });
  });
});

test("networks are internal if they say so, and if they lead nowhere", () => {
  const internal = networks.map(networkOf).filter((network) => network.internal);
  expect(internal.map(({ name }) => name).sort()).toEqual(["back", "none"]);
});

test("an endpoint of which nothing is said is one without aliases", () => {
  const { NetworkSettings } = called("created");
  const parsed = engineContainer.parse({
    ...called("created"),
    NetworkSettings: { ...NetworkSettings, Networks: { shop: null } },
  });
  expect(containerOf(parsed, worldOf()).endpoints).toMatchObject([{ network: "shop", aliases: [] }]);
});
