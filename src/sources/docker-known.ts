import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { Change, Container } from "../registry/model.ts";
import type { Init, Processes } from "./docker-process.ts";
import type { EngineContainer, EngineNetwork } from "./docker-schema.ts";
import {
  containerKey,
  containerOf,
  isRunning,
  type KnownContainer,
  nameOf,
  networkOf,
  sharedWith,
  targetOf,
  targetsOf,
  withoutProcess,
} from "./docker-snapshot.ts";
import { type Ground, runningIn, type Swarm, swarmContainers, swarmNames } from "./docker-swarm.ts";

/** What is known of an engine's containers, and what the registry was told of it. */
export interface Known {
  get(id: string): KnownContainer | undefined;
  ids(): Iterable<string>;
  /** What people call it. */
  label(id: string): string;
  setNetworks(networks: readonly EngineNetwork[]): void;
  networkName(id: string): string | undefined;
  hasNetworks(container: EngineContainer): boolean;
  /** Takes over what is said of one container, and tells it, and what follows for those in its sandbox. */
  replace(id: string, container: KnownContainer | undefined, cause: string): void;
  /** Takes over what is said of these, undefined for one that is gone, and tells nothing yet. */
  learn(containers: ReadonlyMap<string, KnownContainer | undefined>): void;
  /** Undefined: there is none, or it is not told here. Told with the next `tellAll`. */
  setSwarm(swarm: Swarm | undefined): void;
  /** Tells all; gives the ids of those that are not as they were told last. */
  tellAll(cause: string): ReadonlySet<string>;
  /** Where the engine makes network namespaces, as far as one of its containers has shown that on this machine. */
  readonly netnsDirectory: string | undefined;
  /** First processes of those that run, as far as this machine has them: other ones after each word of the engine. */
  inits(): Iterable<readonly [id: string, init: Init]>;
  /** Takes the addresses of one whose process has ended, by what this machine says; `why` not the engine says so. */
  dropDead(id: string, why: string): void;
}

/** What Docker calls the namespaces of containers; that of a container on the host's network is called `default`. */
const MADE_BY_DOCKER = /\/netns\/[0-9a-f]{12}$/;

const NO_SWARM = runningIn({ services: [], tasks: [] });

export function createKnown(options: {
  readonly source: string;
  readonly apply: (change: Change) => unknown;
  readonly processes: Processes;
}): Known {
  const { source, apply, processes } = options;
  const containers = new Map<string, KnownContainer>();
  /** Those that are gone, and whose namespaces others were given: what these have follows from what those had. */
  const departed = new Map<string, KnownContainer>();
  const inits = new Map<string, Init>();
  /** Runs that this machine has seen the end of: an engine that hung tells of them still, in what it had begun to say. */
  const endedRuns = new Map<string, string>();
  const told = new Map<string, Container>();
  let networks: ReadonlyMap<string, EngineNetwork> = new Map();
  let networksById: ReadonlyMap<string, EngineNetwork> = new Map();
  let netnsDirectory: string | undefined;
  let swarm = NO_SWARM;
  let namesOfSwarm: ReturnType<typeof swarmNames> = () => [];

  const world = {
    source,
    containers: { get: (id: string) => containers.get(id) ?? departed.get(id) },
    get networks() {
      return networks;
    },
    netns: netnsOf,
    isInHosts,
    swarmNames: (id: string, network: string) => namesOfSwarm(id, network),
  };

  const ground: Ground = { source, isLocal: (id) => containers.has(id), networkName: namedNetwork };

  function networkName(id: string): string | undefined {
    return networksById.get(id)?.Name;
  }

  function namedNetwork(id: string): string | undefined {
    const network = networksById.get(id);
    return network?.Ingress === true ? undefined : network?.Name;
  }

  function replace(id: string, container: KnownContainer | undefined, cause: string): void {
    learn(new Map([[id, container]]));
    tell(id, cause);
    for (const guest of containers.values())
      if (targetsOf(guest, world).some(({ Id }) => Id === id)) tell(guest.Id, cause);
  }

  function learn(news: ReadonlyMap<string, KnownContainer | undefined>): void {
    for (const [id, container] of news) {
      inits.delete(id);
      if (container === undefined) depart(id);
      else containers.set(id, asItRuns(container));
    }
    forgetDeparted();
    // All of them first: some live in the sandbox of others.
    for (const [id, container] of news) {
      const init = container && isRunning(container) ? initOf(container) : undefined;
      if (init !== undefined) inits.set(id, init);
      const { SandboxKey = "" } = container?.NetworkSettings ?? {};
      if (MADE_BY_DOCKER.test(SandboxKey) && processes.isNamespace(SandboxKey))
        netnsDirectory = dirname(SandboxKey);
    }
  }

  function asItRuns(container: KnownContainer): KnownContainer {
    if (endedRuns.get(container.Id) === runOf(container)) return withoutProcess(container);
    endedRuns.delete(container.Id);
    return container;
  }

  function depart(id: string): void {
    endedRuns.delete(id);
    const container = containers.get(id);
    containers.delete(id);
    if (container !== undefined) departed.set(id, withoutProcess(container));
  }

  function forgetDeparted(): void {
    if (departed.size === 0) return;
    const needed = new Set<string>();
    for (const guest of containers.values()) for (const { Id } of targetsOf(guest, world)) needed.add(Id);
    for (const id of departed.keys()) if (!needed.has(id) || containers.has(id)) departed.delete(id);
  }

  /** The files that are mounted are those of the one whose namespace it was given, also when that is gone. */
  function initOf(container: EngineContainer): Init | undefined {
    const line = [container, ...targetsOf(container, world)];
    const last = targetOf(line.at(-1)!);
    const ids = line.map(({ Id }) => Id);
    return processes.identify(container.State.Pid, last === undefined ? ids : [...ids, last]);
  }

  function isInHosts({ Id }: EngineContainer): boolean {
    const init = inits.get(Id);
    return init !== undefined && processes.isInHosts(init.pid);
  }

  /** Asked whenever it is told: where one lives that shares another's sandbox changes with that one. */
  function netnsOf(container: EngineContainer): string | undefined {
    const { SandboxKey } = (sharedWith(container, world) ?? container).NetworkSettings;
    // The mounted file can't come to mean another namespace, as the number of a process can; and through the process
    // it is entered only with CAP_SYS_PTRACE.
    if (SandboxKey !== "" && processes.isNamespace(SandboxKey)) return SandboxKey;
    const init = inits.get(container.Id);
    return init && `/proc/${init.pid}/ns/net`;
  }

  function tell(id: string, cause: string): void {
    const container = containers.get(id);
    if (container === undefined) {
      told.delete(id);
      apply({ kind: "remove", source, cause, key: containerKey(source, id) });
      return;
    }
    const description = containerOf(container, world);
    told.set(id, description);
    apply({ kind: "put", source, cause, container: description });
  }

  function tellAll(cause: string): Set<string> {
    namesOfSwarm = swarmNames(swarm, ground);
    const now = new Map([...containers].map(([id, container]) => [id, containerOf(container, world)]));
    const changed = new Set([...told.keys(), ...now.keys()]);
    for (const id of changed) if (isDeepStrictEqual(told.get(id), now.get(id))) changed.delete(id);
    told.clear();
    for (const [id, container] of now) told.set(id, container);
    const snapshot = {
      networks: Array.from(networks.values(), networkOf),
      containers: [...now.values(), ...swarmContainers(swarm, ground)],
    };
    apply({ kind: "sync", source, cause, snapshot });
    return changed;
  }

  function label(id: string): string {
    return nameOf(containers.get(id)?.Name ?? id.slice(0, 12));
  }

  function dropDead(id: string, why: string): void {
    const container = containers.get(id);
    if (container === undefined) return;
    const cause = `${label(id)} is dead: its process ${inits.get(id)?.pid ?? ""} has ended ${why}`;
    replace(id, withoutProcess(container), cause);
    endedRuns.set(id, runOf(container));
  }

  return {
    get: (id) => containers.get(id),
    ids: () => containers.keys(),
    label,
    setNetworks(list) {
      networks = new Map(list.map((network) => [network.Name, network]));
      networksById = new Map(Array.from(networks.values(), (network) => [network.Id, network]));
    },
    networkName,
    hasNetworks: ({ NetworkSettings }) =>
      Object.keys(NetworkSettings.Networks).every((name) => networks.has(name)),
    replace,
    learn,
    setSwarm(now) {
      swarm = now === undefined ? NO_SWARM : runningIn(now);
    },
    tellAll,
    get netnsDirectory() {
      return netnsDirectory;
    },
    inits: () => inits,
    dropDead,
  };
}

/** A container's time between a start and an end. */
function runOf({ State }: EngineContainer): string {
  return `${State.Pid} ${State.StartedAt}`;
}
