import { isIP } from "node:net";
import { canonicalAddress, type SocketAddress } from "../base/address.ts";
import type { Container, Endpoint, Network } from "../registry/model.ts";
import type { EngineContainer, EngineEndpoint, EngineMembers, EngineNetwork } from "./docker-schema.ts";
import { isEmbedded } from "./file-schema.ts";

/** A container as an inspect told of it, and what an event added since. */
export type KnownContainer = EngineContainer & {
  /** It has its addresses, and its process is about to begin. */
  readonly isStarting?: true;
};

/** What is known of an engine besides the container that is looked at. */
export interface EngineWorld {
  /** Name of the source: the first part of the keys. */
  readonly source: string;
  /** By id; of those that are gone, the ones whose namespaces others were given. */
  readonly containers: Pick<ReadonlyMap<string, KnownContainer>, "get">;
  /** By name. */
  readonly networks: ReadonlyMap<string, EngineNetwork>;
  /** Where the network namespace of a running container is, as far as this machine has it. */
  readonly netns: (container: EngineContainer) => string | undefined;
  /** Whether a running container is seen to be in the host's own network namespace, as far as this machine has it. */
  readonly isInHosts: (container: EngineContainer) => boolean;
  /** Names that the swarm gives a container, by network. */
  readonly swarmNames: (id: string, network: string) => readonly string[];
}

export function containerKey(source: string, id: string): string {
  return `${source}/${id}`;
}

/** `none` has no way out either. */
export function networkOf({ Name, Driver, Internal }: EngineNetwork): Network {
  return { name: Name, internal: Internal === true || Driver === "null" };
}

/**
 * A container as the engine's inspect tells of it. Pure.
 *
 * The names of an endpoint are those that Docker registers (docs/differences.md): container name, aliases, short id,
 * hostname; on predefined networks there are none. Addresses are those of a container that runs: one that was
 * stopped, or only created, keeps its names without them (docs/decisions/0006). The host's network is no endpoint
 * and no namespace of ours.
 */
export function containerOf(container: KnownContainer, world: EngineWorld): Container {
  const { Id, Name, Config } = container;
  const runs = isRunning(container);
  const shared = sharedWith(container, world);
  const hasHosts = isOnHost(container, world);
  const netns = runs && !hasHosts ? world.netns(container) : undefined;
  const upstreams = upstreamsOf(shared ?? container);
  const project = PROJECT_LABELS.map((label) => Config.Labels[label]).find((value) => value !== undefined);
  return {
    key: containerKey(world.source, Id),
    name: nameOf(Name),
    id: Id,
    ...(Config.Hostname !== "" && !hasHosts && { hostname: Config.Hostname }),
    ...(netns === undefined ? { netnsMissing: hasHosts ? "host" : runs ? "unseen" : "stopped" } : { netns }),
    ...(upstreams.length > 0 && { upstreams }),
    ...(shared !== undefined && { shares: containerKey(world.source, shared.Id) }),
    ...(project !== undefined && { project }),
    endpoints:
      shared === undefined ? endpointsOf(container, world) : namelessOnes(endpointsOf(shared, world)),
  };
}

/** Of Compose, of `docker stack deploy`, and of the swarm itself. */
const PROJECT_LABELS = [
  "com.docker.compose.project",
  "com.docker.stack.namespace",
  "com.docker.swarm.service.name",
] as const;

/** Between two attempts of a restart policy a container counts as running, but has no process. */
export function isRunning({ State }: EngineContainer): boolean {
  return State.Running && State.Restarting !== true && State.Pid > 0;
}

/** Its process has ended: no address is its own any more. */
export function withoutProcess(container: KnownContainer): KnownContainer {
  const { isStarting: _, ...rest } = container;
  return { ...rest, State: { ...rest.State, Running: false, Pid: 0 } };
}

/** It is being started, and the engine has given it these addresses on a network. */
export function startingWith(
  container: KnownContainer,
  network: string,
  { IPv4Address, IPv6Address }: EngineMembers["Containers"][string],
): KnownContainer {
  const { Networks } = container.NetworkSettings;
  const endpoint = Networks[network];
  if (endpoint === undefined) return container;
  const [IPAddress = ""] = IPv4Address.split("/");
  const [GlobalIPv6Address = ""] = IPv6Address.split("/");
  const addressed = { ...Networks, [network]: { ...endpoint, IPAddress, GlobalIPv6Address } };
  return {
    ...container,
    NetworkSettings: { ...container.NetworkSettings, Networks: addressed },
    isStarting: true,
  };
}

/** One that is being started before anybody could inspect it, as far as its network tells: without its aliases. */
export function uninspected(
  id: string,
  network: string,
  { Name }: EngineMembers["Containers"][string],
): KnownContainer {
  const endpoint = { Aliases: [], Links: [], IPAddress: "", GlobalIPv6Address: "", GwPriority: 0 };
  return {
    Id: id,
    Name,
    State: { Running: false, Pid: 0, StartedAt: "" },
    Config: { Hostname: "", Labels: {} },
    HostConfig: { NetworkMode: network, Dns: [] },
    NetworkSettings: { SandboxKey: "", Networks: { [network]: endpoint } },
  };
}

/** `web-1`, of the engine's `/web-1`. */
export function nameOf(name: string): string {
  return name.replace(/^\//, "");
}

/**
 * Whose namespace `--network container:X` gives this one: X, or if X was given another's, that one. Undefined if it has
 * its own, or if none of these that had it runs with it.
 */
export function sharedWith(
  container: EngineContainer,
  world: Pick<EngineWorld, "containers">,
): EngineContainer | undefined {
  if (!isRunning(container)) return undefined;
  let shared: EngineContainer | undefined;
  let guest = container;
  for (const target of targetsOf(container, world)) {
    // It was started anew and has another namespace now, while this one still sits in the old.
    if (Date.parse(target.State.StartedAt) > Date.parse(guest.State.StartedAt)) break;
    if (isRunning(target)) shared = target;
    guest = target;
  }
  return shared;
}

/** X of `--network container:X`, X's own, and so on, as far as they are known. */
export function targetsOf(
  container: EngineContainer,
  { containers }: Pick<EngineWorld, "containers">,
): EngineContainer[] {
  const line = [container];
  for (const guest of line) {
    const target = containers.get(targetOf(guest) ?? "");
    // No engine makes a circle, but what it says must not keep us here.
    if (target !== undefined && !line.some(({ Id }) => Id === target.Id)) line.push(target);
  }
  return line.slice(1);
}

/** Id of X. */
export function targetOf({ HostConfig }: EngineContainer): string | undefined {
  return /^container:(.+)$/.exec(HostConfig.NetworkMode)?.[1];
}

/** Also one that lives with such a one: what is taken over there would be the host's own 127.0.0.11. */
function isOnHost(container: EngineContainer, world: EngineWorld): boolean {
  const line = [container, ...targetsOf(container, world)];
  if (line.some(({ HostConfig }) => HostConfig.NetworkMode === "host")) return true;
  // Nobody says any more what the last one's was.
  return targetOf(line.at(-1)!) !== undefined && isRunning(container) && world.isInHosts(container);
}

function endpointsOf(container: KnownContainer, world: EngineWorld): Endpoint[] {
  const endpoints = Object.entries(container.NetworkSettings.Networks)
    .filter(([network]) => network !== "host")
    .map(([network, endpoint]) => endpointOf(network, endpoint, container, world));
  return endpoints.length === 0 && isCutOff(container) ? [NOWHERE] : endpoints;
}

/**
 * Whether one that runs was taken from its last network, as the engine shows none of it. Of one that lives in another's
 * namespace it never shows any, be that empty or not.
 */
function isCutOff(container: KnownContainer): boolean {
  const isHosts = container.HostConfig.NetworkMode === "host";
  return isRunning(container) && !isHosts && targetOf(container) === undefined;
}

/** As the engine tells one that was never given a network. */
const NOWHERE: Endpoint = { network: "none", aliases: [], links: {}, priority: 0, nameless: true };

function endpointOf(
  network: string,
  { Aliases, Links, IPAddress, GlobalIPv6Address, GwPriority }: EngineEndpoint,
  container: KnownContainer,
  world: EngineWorld,
): Endpoint {
  const [ipv4, ipv6] =
    isRunning(container) || container.isStarting === true
      ? [addressOf(IPAddress), addressOf(GlobalIPv6Address)]
      : [undefined, undefined];
  const isNameless = hasNoNames(network, world.networks.get(network));
  const aliases = [...Aliases, ...world.swarmNames(container.Id, network)];
  return {
    network,
    ...(ipv4 !== undefined && { ipv4 }),
    ...(ipv6 !== undefined && { ipv6 }),
    aliases: isNameless ? [] : ownAliases(aliases, container),
    links: isNameless ? {} : linksOf(Links),
    priority: GwPriority,
    ...(isNameless && { nameless: true as const }),
  };
}

/** Docker registers no names in the networks that it makes itself. */
function hasNoNames(name: string, network: EngineNetwork | undefined): boolean {
  return PREDEFINED.has(name) || network?.Ingress === true;
}

const PREDEFINED: ReadonlySet<string> = new Set(["bridge", "none", "default", "docker_gwbridge"]);

/** Without those that engines before API 1.45 fold in: they are names of their own kinds. */
function ownAliases(aliases: readonly string[], { Id, Config }: EngineContainer): string[] {
  return [...new Set(aliases)].filter((alias) => alias !== Id.slice(0, 12) && alias !== Config.Hostname);
}

function linksOf(links: readonly string[]): Record<string, string> {
  const pairs = links.map((link): [string, string] => {
    const [target = "", alias = target] = link.split(":").map(nameOf);
    return [alias, target];
  });
  return Object.fromEntries(pairs);
}

/** What another container sees of these endpoints, who lives in the same namespace. */
function namelessOnes(endpoints: readonly Endpoint[]): Endpoint[] {
  return endpoints.map((endpoint) => ({ ...endpoint, aliases: [], nameless: true }));
}

/** Those of `--dns`, asked from inside the container. */
function upstreamsOf({ HostConfig }: EngineContainer): SocketAddress[] {
  return HostConfig.Dns.map(addressOf)
    .filter((address) => address !== undefined)
    .map((address) => ({ address, port: 53 }))
    .filter((server) => !isEmbedded(server));
}

function addressOf(text: string): string | undefined {
  return isIP(text) === 0 ? undefined : canonicalAddress(text);
}
