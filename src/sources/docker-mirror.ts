import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { coalesced } from "./coalesced.ts";
import { type EngineClient, isAnswer } from "./docker-client.ts";
import type { EngineEvent } from "./docker-events.ts";
import type { Known } from "./docker-known.ts";
import type { EngineContainer } from "./docker-schema.ts";
import { isRunning, startingWith, uninspected, withoutProcess } from "./docker-snapshot.ts";
import { swarmAsked } from "./docker-swarm-asked.ts";

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
  /** Asks for one container anew. */
  look(id: string, cause: string): void;
  /** Looks at everything. Throws if the engine can't be asked; one container that can't be inspected is a doubt only. */
  sync(cause: string): Promise<void>;
  /** How many differences a sync found that events should have told. */
  readonly repairs: number;
}

/** Enough to keep an engine busy, and to leave it room for others. */
const INSPECTS_AT_ONCE = 8;

/** An inspect that takes longer waits for the start of its container, some 300 ms. */
const FIRST_LOOK_MS = 20;

/** An event may come later than what it tells of is to be seen in a list. */
const REPAIR_GRACE_MS = 2_000;

interface Look {
  /** The cause of the next inspect, if there is to be one. */
  next: string | undefined;
  /** Resolves when the first one has been answered, and told. */
  readonly first: Promise<void>;
}

interface Session {
  readonly client: EngineClient;
  /** By id. */
  readonly looking: Map<string, Look>;
  readonly loadNetworks: () => Promise<void>;
  readonly askSwarm: () => Promise<void>;
  isSynced: boolean;
}

export function createMirror(options: {
  readonly source: string;
  readonly known: Known;
  readonly clock: Clock;
  readonly log: Logger;
  /** Something happened that only a sync can tell the outcome of. */
  readonly onDoubt: (reason: string) => void;
}): Mirror {
  const { source, known, clock, log, onDoubt } = options;
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
        if (session === of) known.setNetworks(list);
      }),
      askSwarm: swarmAsked({
        source,
        client,
        take(swarm) {
          if (session === of) known.setSwarm(swarm);
        },
        late() {
          if (session === of && of.isSynced) known.tellAll("docker: the swarm answered late");
        },
        clock,
        log,
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
    const container = known.get(id);
    // An event that is told again may speak of an earlier life.
    if (container === undefined || Date.parse(container.State.StartedAt) > diedAt) return;
    deaths.set(id, tick);
    if (isRunning(container) || container.isStarting) known.replace(id, withoutProcess(container), cause);
  }

  /**
   * The inspect that follows waits until the container runs. Docker's own names are there before that, so that the
   * first thing a container does can be to ask for itself; the network knows the address already.
   */
  async function foresee(of: Session, id: string, network: string, cause: string): Promise<void> {
    if (known.get(id) === undefined) await firstLook(of, id);
    const container = known.get(id);
    if (container !== undefined && isRunning(container)) return;
    try {
      const member = (await of.client.members(network)).Containers[id];
      const name = known.networkName(network);
      // Meanwhile the inspect may have come after all, or another network of it.
      if (session !== of || !of.looking.has(id) || member === undefined || name === undefined) return;
      const now = known.get(id) ?? uninspected(id, name, member);
      if (!isRunning(now)) known.replace(id, startingWith(now, name, member), cause);
    } catch (error) {
      log.debug({ source, reason: messageOf(error) }, "docker: could not foresee an address");
    }
  }

  /** Of one that was made just now (`docker run`), the first inspect is on its way, or waits until it runs. */
  async function firstLook(of: Session, id: string): Promise<void> {
    await new Promise<void>((resolve) => {
      const cancel = clock.after(FIRST_LOOK_MS, resolve);
      void of.looking.get(id)?.first.then(() => {
        cancel();
        resolve();
      });
    });
  }

  async function look(of: Session, id: string, cause: string): Promise<void> {
    const underWay = of.looking.get(id);
    if (underWay !== undefined) {
      underWay.next = cause;
      return;
    }
    let answered = () => {};
    const first = new Promise<void>((resolve) => {
      answered = resolve;
    });
    const turn: Look = { next: cause, first };
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
        known.replace(id, found !== undefined && hasDied ? withoutProcess(found) : found, why);
      } catch (error) {
        if (session === of) onDoubt(`${why}: ${messageOf(error)}`);
      }
      answered();
    }
    of.looking.delete(id);
  }

  /** An event of a new network may still be on its way when the first container is on it. */
  async function knowNetworks(of: Session, found: Iterable<EngineContainer>): Promise<void> {
    if ([...found].every(known.hasNetworks)) return;
    await of.loadNetworks();
    if (session === of && of.isSynced) known.tellAll("docker: a network is new");
  }

  async function redeclare(of: Session, cause: string): Promise<void> {
    try {
      await of.loadNetworks();
      if (session === of && of.isSynced) known.tellAll(cause);
    } catch (error) {
      if (session === of) onDoubt(`${cause}: ${messageOf(error)}`);
    }
  }

  async function sync(cause: string): Promise<void> {
    const of = session;
    if (of === undefined) return;
    const begin = tick;
    const { client } = of;
    const [ids] = await Promise.all([client.containerIds(), of.loadNetworks(), of.askSwarm()]);
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

    const isSettled = (id: string) =>
      (heard.get(id) ?? 0) <= begin && !of.looking.has(id) && !unanswered.has(id);
    const settled = [...new Set([...known.ids(), ...found.keys()])].filter(isSettled);
    known.learn(new Map(settled.map((id) => [id, found.get(id)])));
    for (const id of heard.keys()) if (known.get(id) === undefined && isSettled(id)) forget(id);
    const changed = known.tellAll(cause);
    if (of.isSynced)
      suspect(
        of,
        settled.filter((id) => changed.has(id)),
      );
    of.isSynced = true;
    hasSynced = true;
    for (const [id, why] of postponed) take({ kind: "container", id, cause: why });
    postponed.clear();
    for (const [id, error] of unanswered) onDoubt(`cannot inspect ${known.label(id)}: ${messageOf(error)}`);
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
        { source, containers: missed.map(known.label) },
        "docker: a full list repaired what no event had told",
      );
    });
  }

  return {
    follow,
    take,
    look(id, cause) {
      if (session !== undefined) void look(session, id, cause);
    },
    sync,
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
