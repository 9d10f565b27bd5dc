import { isDeepStrictEqual } from "node:util";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Change, Container } from "../registry/model.ts";
import { coalesced } from "./coalesced.ts";
import { type EngineClient, isAnswer } from "./docker-client.ts";
import type { EngineEvent } from "./docker-events.ts";
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
  startingWith,
  withoutProcess,
} from "./docker-snapshot.ts";
import { type Ground, type Swarm, swarmContainers, swarmNames } from "./docker-swarm.ts";

/**
 * What the engine said last, and the registry's part that follows from it. Events say only what to look at; what is
 * true is what an inspect answers that was asked after the event.
 *
 * Of one container there is one inspect under way at a time, so an older answer never comes after a newer one. A whole
 * sync leaves alone whatever an event has spoken of since it began.
 */
export interface Mirror {
  /** From now on this one is asked; what others still answer is not heard. Undefined: nobody is. */
  follow(client: EngineClient | undefined): void;
  take(event: EngineEvent): void;
  /** Looks at everything. Throws if the engine can't be asked; one container that can't be inspected is a doubt only. */
  sync(cause: string): Promise<void>;
  /** Takes the addresses of those whose process has ended: to be asked while the engine is away. */
  dropDead(): void;
  /** How many differences a sync found that events should have told. */
  readonly repairs: number;
}

/** Enough to keep an engine busy, and to leave it room for others. */
const INSPECTS_AT_ONCE = 8;

/** An event may come later than what it tells of is to be seen in a list. */
const REPAIR_GRACE_MS = 2_000;

interface Session {
  readonly client: EngineClient;
  /** By id; the value is the cause of the next look, if there is to be one. */
  readonly looking: Map<string, { next: string | undefined }>;
  readonly loadNetworks: () => Promise<void>;
  isSynced: boolean;
}

/** What this machine has of a running container. */
interface Local {
  readonly init: Init | undefined;
  readonly netns: string | undefined;
}

export function createMirror(options: {
  readonly source: string;
  readonly apply: (change: Change) => unknown;
  readonly processes: Processes;
  readonly clock: Clock;
  readonly log: Logger;
  /** Something happened that only a sync can tell the outcome of. */
  readonly onDoubt: (reason: string) => void;
}): Mirror {
  const { source, apply, processes, clock, log, onDoubt } = options;
  const containers = new Map<string, KnownContainer>();
  const locals = new Map<string, Local>();
  /** What the registry was told of each. */
  const told = new Map<string, Container>();
  let networks: ReadonlyMap<string, EngineNetwork> = new Map();
  let swarm: Swarm = { services: [], tasks: [] };
  let namesOfSwarm: ReturnType<typeof swarmNames> = () => [];
  let session: Session | undefined;
  let tick = 0;
  /** By id, when the last event came that spoke of it. */
  let heard = new Map<string, number>();
  /** By id, when it was last said to have died: an inspect that was asked before does not count. */
  let deaths = new Map<string, number>();
  let repairs = 0;
  let hasSynced = false;
  /** Events from before the first list, by id: an alias of two containers must not begin as one of one. */
  const postponed = new Map<string, string>();

  const world = {
    source,
    containers,
    get networks() {
      return networks;
    },
    netns: ({ Id }: EngineContainer) => locals.get(Id)?.netns,
    swarmNames: (id: string, network: string) => namesOfSwarm(id, network),
  };

  const ground: Ground = {
    source,
    isLocal: (id) => containers.has(id),
    networkName: (id) =>
      [...networks.values()].find((network) => network.Id === id && network.Ingress !== true)?.Name,
  };

  function follow(client: EngineClient | undefined): void {
    heard = new Map();
    deaths = new Map();
    if (client === undefined) {
      session = undefined;
      return;
    }
    const of: Session = {
      client,
      looking: new Map(),
      isSynced: false,
      loadNetworks: coalesced(async () => {
        const list = await client.networks();
        if (session === of) networks = new Map(list.map((network) => [network.Name, network]));
      }),
    };
    session = of;
  }

  function take(event: EngineEvent): void {
    if (session === undefined) return;
    if (event.kind === "all") onDoubt(event.cause);
    else if (event.kind === "networks") void redeclare(session, event.cause);
    else if (!hasSynced) postponed.set(event.id, event.cause);
    else {
      tick += 1;
      heard.set(event.id, tick);
      if (event.diedAt !== undefined) bury(event.id, event.diedAt, event.cause);
      if (event.joins !== undefined) void foresee(session, event.id, event.joins, event.cause);
      void look(session, event.id, event.cause);
    }
  }

  /** The inspect that follows waits until the engine has taken the container off its networks. */
  function bury(id: string, diedAt: number, cause: string): void {
    const container = containers.get(id);
    // An event that is told again may speak of an earlier life.
    if (container === undefined || Date.parse(container.State.StartedAt) > diedAt) return;
    deaths.set(id, tick);
    if (isRunning(container) || container.isStarting) replace(id, withoutProcess(container), cause);
  }

  /**
   * The inspect that follows waits until the container runs. Docker's own names are there before that, so that the
   * first thing a container does can be to ask for itself; the network knows the address already.
   */
  async function foresee(of: Session, id: string, network: string, cause: string): Promise<void> {
    const container = containers.get(id);
    if (container === undefined || isRunning(container)) return;
    try {
      const member = (await of.client.members(network)).Containers[id];
      const name = [...networks.values()].find(({ Id }) => Id === network)?.Name;
      // Meanwhile the inspect may have come after all, or another network of it.
      const now = containers.get(id);
      if (session !== of || !of.looking.has(id) || member === undefined || name === undefined) return;
      if (now !== undefined && !isRunning(now)) replace(id, startingWith(now, name, member), cause);
    } catch (error) {
      log.debug({ source, reason: messageOf(error) }, "docker: could not foresee an address");
    }
  }

  async function look(of: Session, id: string, cause: string): Promise<void> {
    const underWay = of.looking.get(id);
    if (underWay !== undefined) {
      underWay.next = cause;
      return;
    }
    const turn: { next: string | undefined } = { next: cause };
    of.looking.set(id, turn);
    while (turn.next !== undefined && session === of) {
      const why = turn.next;
      turn.next = undefined;
      try {
        const begin = tick;
        const found = await of.client.inspect(id);
        if (found !== undefined) await knowNetworks(of, [found]);
        if (session !== of) break;
        const hasDied = (deaths.get(id) ?? 0) > begin;
        replace(id, found !== undefined && hasDied ? withoutProcess(found) : found, why);
      } catch (error) {
        if (session === of) onDoubt(`${why}: ${messageOf(error)}`);
      }
    }
    of.looking.delete(id);
  }

  /** An event of a new network may still be on its way when the first container is on it. */
  async function knowNetworks(of: Session, found: Iterable<EngineContainer>): Promise<void> {
    const names = Array.from(found, ({ NetworkSettings }) => Object.keys(NetworkSettings.Networks)).flat();
    if (names.every((name) => networks.has(name))) return;
    await of.loadNetworks();
    if (session === of && of.isSynced) applyAll("docker: a network is new");
  }

  async function redeclare(of: Session, cause: string): Promise<void> {
    try {
      await of.loadNetworks();
      if (session === of && of.isSynced) applyAll(cause);
    } catch (error) {
      if (session === of) onDoubt(`${cause}: ${messageOf(error)}`);
    }
  }

  function replace(id: string, found: KnownContainer | undefined, cause: string): void {
    learn(id, found);
    for (const one of [id, ...sharersOf(id)]) tell(one, cause);
  }

  function learn(id: string, found: KnownContainer | undefined): void {
    locals.delete(id);
    if (found === undefined) containers.delete(id);
    else {
      containers.set(id, found);
      if (isRunning(found)) locals.set(id, localOf(found));
    }
  }

  function localOf(container: EngineContainer): Local {
    const { Id, State, NetworkSettings } = container;
    const shared = sharedWith(container, world)?.Id;
    const init = processes.identify(State.Pid, shared === undefined ? [Id] : [Id, shared]);
    const { SandboxKey } = NetworkSettings;
    // The mounted file can't come to mean another namespace, as the number of a process can.
    const isThere = SandboxKey !== "" && processes.isNamespace(SandboxKey);
    return { init, netns: isThere ? SandboxKey : init && `/proc/${init.pid}/ns/net` };
  }

  function sharersOf(id: string): string[] {
    const mode = `container:${id}`;
    return [...containers.values()]
      .filter(({ HostConfig }) => HostConfig.NetworkMode === mode)
      .map(({ Id }) => Id);
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

  /** Tells all that is known; gives the ids of those that are not as they were told last. */
  function applyAll(cause: string): string[] {
    namesOfSwarm = swarmNames(swarm, ground);
    const now = new Map([...containers].map(([id, container]) => [id, containerOf(container, world)]));
    const changed = [...new Set([...told.keys(), ...now.keys()])].filter(
      (id) => !isDeepStrictEqual(told.get(id), now.get(id)),
    );
    told.clear();
    for (const [id, container] of now) told.set(id, container);
    const snapshot = {
      networks: Array.from(networks.values(), networkOf),
      containers: [...now.values(), ...swarmContainers(swarm, ground)],
    };
    apply({ kind: "sync", source, cause, snapshot });
    return changed;
  }

  async function sync(cause: string): Promise<void> {
    const of = session;
    if (of === undefined) return;
    const begin = tick;
    const { client } = of;
    const [ids, ofSwarm] = await Promise.all([client.containerIds(), client.swarm(), of.loadNetworks()]);
    const found = new Map<string, EngineContainer>();
    const unanswered = new Map<string, unknown>();
    await forEach(ids, INSPECTS_AT_ONCE, async (id) => {
      try {
        const container = await client.inspect(id);
        if (container !== undefined) found.set(id, container);
      } catch (error) {
        if (!isAnswer(error)) throw error;
        unanswered.set(id, error);
      }
    });
    await knowNetworks(of, found.values());
    if (session !== of) return;

    swarm = ofSwarm ?? { services: [], tasks: [] };
    const isSettled = (id: string) =>
      (heard.get(id) ?? 0) <= begin && !of.looking.has(id) && !unanswered.has(id);
    // What a namespace is shared with has to be known first.
    const all = [...new Set([...containers.keys(), ...found.keys()])].filter(isSettled);
    for (const id of all) if (!found.has(id)) learn(id, undefined);
    for (const id of all) if (found.has(id)) containers.set(id, found.get(id)!);
    for (const id of all) if (found.has(id)) learn(id, found.get(id));
    for (const id of heard.keys()) if (!containers.has(id) && isSettled(id)) forget(id);
    const changed = applyAll(cause);
    if (of.isSynced)
      suspect(
        of,
        changed.filter((id) => all.includes(id)),
      );
    of.isSynced = true;
    hasSynced = true;
    for (const [id, why] of postponed) take({ kind: "container", id, cause: why });
    postponed.clear();
    for (const [id, error] of unanswered) onDoubt(`cannot inspect ${labelOf(id)}: ${messageOf(error)}`);
  }

  function forget(id: string): void {
    heard.delete(id);
    deaths.delete(id);
  }

  /** Counts as repaired what no event speaks of in the next moments either. */
  function suspect(of: Session, ids: readonly string[]): void {
    if (ids.length === 0) return;
    const at = tick;
    clock.after(REPAIR_GRACE_MS, () => {
      const missed = ids.filter((id) => session === of && (heard.get(id) ?? 0) <= at);
      if (missed.length === 0) return;
      repairs += missed.length;
      log.warn(
        { source, containers: missed.map(labelOf) },
        "docker: a full list repaired what no event had told",
      );
    });
  }

  function labelOf(id: string): string {
    return nameOf(containers.get(id)?.Name ?? id.slice(0, 12));
  }

  function dropDead(): void {
    for (const [id, { init }] of [...locals]) {
      const container = containers.get(id);
      if (container === undefined || init === undefined || processes.isAlive(init)) continue;
      replace(
        id,
        withoutProcess(container),
        `${labelOf(id)} is dead: its process ${init.pid} has ended while Docker is away`,
      );
    }
  }

  return {
    follow,
    take,
    sync,
    dropDead,
    get repairs() {
      return repairs;
    },
  };
}

/** All of them, so many at a time. The first failure is thrown when the others under way have ended. */
async function forEach<T>(
  items: readonly T[],
  atOnce: number,
  act: (item: T) => Promise<void>,
): Promise<void> {
  const left = items.values();
  const worker = async (): Promise<void> => {
    for (const item of left) await act(item);
  };
  const outcomes = await Promise.allSettled(Array.from({ length: atOnce }, worker));
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
}
