import type { Clock } from "../base/clock.ts";
import { CodedError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { onAbort } from "../base/on-abort.ts";
import type { Change } from "../registry/model.ts";
import { coalesced } from "./coalesced.ts";
import { type Environment, engineAddress, usualNetnsDirectory, wayTo } from "./docker-address.ts";
import { connectEngine, type EngineClient, NoAnswer } from "./docker-client.ts";
import { watchDeaths } from "./docker-deaths.ts";
import { createKnown } from "./docker-known.ts";
import { createMirror } from "./docker-mirror.ts";
import { type Processes, processes as thisMachine } from "./docker-process.ts";
import { onNewSocket } from "./new-socket.ts";
import type { Source, SourceStatus } from "./source.ts";

export interface DockerSourceOptions {
  /** Undefined: what DOCKER_HOST says, or Docker's default. */
  readonly url: string | undefined;
  /** Unique among the sources: `docker:unix:///var/run/docker.sock`. */
  readonly name: string;
  readonly env: Environment;
  readonly apply: (change: Change) => unknown;
  /** The engine can't be asked any more: what it told is known to have been true until then (ISO 8601). */
  readonly doubt: (verifiedAt: string) => void;
  /** It is followed from now on, or is not any more. */
  readonly onState?: () => void;
  readonly clock: Clock;
  readonly log: Logger;
  /** 0 <= x < 1. */
  readonly random?: () => number;
  readonly processes?: Processes;
}

/** A start waits so long for an engine that does not answer, and leaves the rest to the attempts that follow. */
const START_MS = 5_000;

/** Between two full lists, give or take a fifth, so that many hosts don't ask all at once. */
const RESYNC_MS = 30_000;
const JITTER = 0.2;

/** Between two attempts to reach an engine that is away, and between two to clear a doubt. */
const RETRY = { firstMs: 100, factor: 1.5, lastMs: 2_000 };

/**
 * The containers of a Docker engine: a full list at the beginning, after each reconnect, after each doubt and every
 * half minute; events in between.
 *
 * An engine that can't be reached is `away`, at the start as well as later: a daemon may be up before dockerd, and a
 * socket that is not there may come. Only what no waiting mends is thrown by `start`: an address that is none, a
 * missing certificate, a socket that we may not open, or something else in its place. While it is away all that it told
 * is kept, marked as not verified, but for containers whose process has ended. Those lose their addresses, too, while an
 * engine that is there says nothing.
 */
export function dockerSource(options: DockerSourceOptions): Source {
  const { url, name, env, apply, doubt, clock, log, onState = () => {} } = options;
  const { random = Math.random, processes = thisMachine } = options;
  let client: EngineClient | undefined;
  let state: SourceStatus["state"] = "starting";
  let lastSync: string | null = null;
  let error: string | null = null;
  let since: string | undefined;
  let engine: string | undefined;
  const stopping = new AbortController();
  let running: Promise<void> | undefined;
  /** Ends the time between two attempts. */
  let wake: () => void = () => {};
  /** Since the engine was there, or there was a sign of it. */
  let attempts = 0;
  let unwatch: (() => void) | undefined;
  /** Of the connection, and of the time without one. */
  const [present, absent] = [timers(clock), timers(clock)];
  let doubts = 0;

  const known = createKnown({ source: name, apply, processes });
  const mirror = createMirror({ source: name, known, clock, log, onDoubt });

  const iso = (): string => new Date(clock.wall()).toISOString();

  const sync = coalesced(async () => {
    const asked = client;
    if (asked === undefined) return;
    const doubtsBefore = doubts;
    try {
      await mirror.sync("docker: full list");
      if (client !== asked) return;
      lastSync = iso();
      if (doubts === doubtsBefore) {
        doubts = 0;
        error = null;
      }
    } catch (failure) {
      if (client !== asked) return;
      if (failure instanceof NoAnswer) asked.close();
      onDoubt(`full list: ${messageOf(failure)}`);
      throw failure;
    }
  });

  function onDoubt(reason: string): void {
    const ms = doubts === 0 ? 0 : delayMs(doubts - 1);
    doubts += 1;
    log.debug({ source: name, reason }, "docker: in doubt, so everything is looked at again");
    present.after(ms, resync);
  }

  function resync(): void {
    sync().catch((failure) => {
      error = messageOf(failure);
    });
  }

  function resyncLater(): void {
    present.after(RESYNC_MS * (1 + JITTER * (2 * random() - 1)), () => {
      resyncLater();
      resync();
    });
  }

  /** Follows the engine until the connection ends; gives the reason. Throws if it does not come about. */
  async function follow(onSynced: () => void): Promise<Error> {
    const address = wayTo(engineAddress(url, env));
    const next = await connectEngine({ address, onEvent: mirror.take, clock, signal: stopping.signal });
    client = next;
    doubts = 0;
    mirror.follow(next);
    try {
      await Promise.race([sync(), next.ended.then((reason) => Promise.reject(reason))]);
      engine = `Docker ${next.version}, API ${next.api}`;
      log.info(
        { source: name, engine },
        state === "away" ? "docker: the engine is back" : "docker: followed",
      );
      state = "synced";
      since = undefined;
      error = null;
      onState();
      onSynced();
      noLongerAway();
      resyncLater();
      watchDeaths({ known, processes, after: present.after, ask: mirror.look });
      return await next.ended;
    } finally {
      client = undefined;
      present.clear();
      mirror.follow(undefined);
      next.close();
    }
  }

  function away(reason: string): void {
    error = reason;
    if (state !== "away") {
      state = "away";
      since = iso();
      const rest = lastSync === null ? "it is waited for" : "what it told last keeps serving";
      log.warn({ source: name, reason }, `docker: the engine is away; ${rest}`);
      if (lastSync !== null) doubt(since);
      onState();
      watchDeaths({ known, processes, after: absent.after, ask: undefined });
      watchSocket();
    }
  }

  function noLongerAway(): void {
    absent.clear();
    unwatch?.();
    unwatch = undefined;
  }

  /** dockerd makes its socket when it starts, and answers there when it has started what is to be restarted. */
  function watchSocket(): void {
    const address = engineAddress(url, env);
    if (address.kind !== "unix") return;
    unwatch = onNewSocket(address.socketPath, () => {
      attempts = 0;
      wake();
    });
  }

  async function run(onAttempt: (failure?: unknown) => void): Promise<void> {
    while (!stopping.signal.aborted) {
      let reason: unknown;
      try {
        reason = await follow(() => {
          attempts = 0;
          onAttempt();
        });
      } catch (failure) {
        reason = failure;
      }
      if (stopping.signal.aborted) return;
      away(messageOf(reason));
      onAttempt(reason);
      await new Promise<void>((resolve) => {
        wake = resolve;
        absent.after(delayMs(attempts), resolve);
        attempts += 1;
      });
    }
  }

  return {
    kind: "docker",
    name,
    async start() {
      // Thrown here if no engine can ever be there.
      wayTo(engineAddress(url, env));
      const failure = await new Promise<unknown>((resolve) => {
        const cancel = clock.after(START_MS, () => resolve(undefined));
        const settle = (failed?: unknown): void => {
          cancel();
          resolve(failed);
        };
        onAbort(stopping.signal, settle);
        running = run(settle);
      });
      if (stopping.signal.aborted) return;
      if (!isForbidden(failure)) return;
      await stop();
      throw new CodedError("SOURCE", `Cannot read containers from ${name}: ${messageOf(failure)}`, {
        remedy: "run eleven as root, or as a member of the group that the socket belongs to",
        cause: failure,
      });
    },
    async refresh() {
      if (client === undefined) wake();
      else
        await sync().catch((failure) => {
          error = messageOf(failure);
        });
    },
    stop,
    netnsDirectory() {
      if (state !== "synced") return undefined;
      return known.netnsDirectory ?? usualNetnsDirectory(engineAddress(url, env));
    },
    status(): SourceStatus {
      const { repairs } = mirror;
      return {
        kind: "docker",
        name,
        state,
        lastSync,
        error,
        repairs,
        ...(since !== undefined && { since }),
        ...(engine !== undefined && { engine }),
      };
    },
  };

  async function stop(): Promise<void> {
    stopping.abort(new Error("stopped"));
    present.clear();
    noLongerAway();
    wake();
    await running;
  }
}

interface Timers {
  after(ms: number, act: () => void): void;
  /** None of them calls any more. */
  clear(): void;
}

function timers(clock: Clock): Timers {
  const cancels = new Set<() => void>();
  return {
    after(ms, act) {
      const cancel = clock.after(ms, () => {
        cancels.delete(cancel);
        act();
      });
      cancels.add(cancel);
    },
    clear() {
      for (const cancel of cancels) cancel();
      cancels.clear();
    },
  };
}

function delayMs(attempt: number): number {
  return Math.min(RETRY.firstMs * RETRY.factor ** attempt, RETRY.lastMs);
}

function isForbidden(failure: unknown): boolean {
  const code = (failure as { code?: unknown } | undefined)?.code;
  return code === "EACCES" || code === "EPERM";
}
