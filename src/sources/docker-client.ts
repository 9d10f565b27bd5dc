import { setMaxListeners } from "node:events";
import type { z } from "zod";
import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import type { EngineWay } from "./docker-address.ts";
import { type EngineEvent, EVENT_FILTERS, lines, readEvent } from "./docker-events.ts";
import { EngineRefusal, engineHttp, type Query } from "./docker-http.ts";
import {
  type EngineContainer,
  type EngineMembers,
  type EngineNetwork,
  engineContainer,
  engineIds,
  engineMembers,
  engineNetwork,
  engineService,
  engineTask,
  engineVersion,
} from "./docker-schema.ts";
import type { Swarm } from "./docker-swarm.ts";

/**
 * One connection to an engine: its stream of events, and questions. It ends as a whole, once: when the stream is cut,
 * when the engine does not answer, or by `close`; what is asked then fails.
 */
export interface EngineClient {
  /** Of the engine: `20.10.24`. */
  readonly version: string;
  /** The API version that is spoken: `1.41`. */
  readonly api: string;
  /** Resolves with the reason when the connection has ended. */
  readonly ended: Promise<Error>;
  containerIds(): Promise<string[]>;
  /** Undefined: there is no such container. */
  inspect(id: string): Promise<EngineContainer | undefined>;
  networks(): Promise<EngineNetwork[]>;
  /** Who is on a network: answered even while a container is being started, when an inspect of it waits. */
  members(network: string): Promise<EngineMembers>;
  /** Undefined where this engine is no manager of a swarm. Throws for a manager that can't tell at the moment. */
  swarm(): Promise<Swarm | undefined>;
  close(): void;
}

/** The newest API whose inspects we have read (Engine 29); an older engine is spoken to in its own. */
const NEWEST_API = "1.52";

/** Longer than an engine takes that is alive: an inspect waits while its container is being started. */
const ANSWER_MS = 10_000;

/** By ssh each is a program here and a login there, and sshd refuses more than ten that begin at a time. */
const SSH_AT_ONCE = 6;
const AT_ONCE = 64;

/** Events from before the stream began, told again so that none falls between; an event too many costs an inspect. */
const OVERLAP_SECONDS = 2;

export async function connectEngine(options: {
  readonly address: EngineWay;
  readonly onEvent: (event: EngineEvent) => void;
  readonly clock: Clock;
  /** Ends it, or the attempt. */
  readonly signal: AbortSignal;
}): Promise<EngineClient> {
  const { address, onEvent, clock, signal } = options;
  const atOnce = address.kind === "ssh" ? SSH_AT_ONCE : AT_ONCE;
  const http = engineHttp(address, atOnce);
  const turn = turnstile(atOnce);
  const closing = new AbortController();
  // One listener for each question under way.
  setMaxListeners(0, closing.signal);
  const ended = new Promise<Error>((resolve) => {
    closing.signal.addEventListener("abort", () => resolve(closing.signal.reason), { once: true });
  });

  function end(reason: Error): void {
    if (closing.signal.aborted) return;
    closing.abort(reason);
    http.close();
  }

  const stop = () => end(signal.reason);
  signal.addEventListener("abort", stop, { once: true });
  closing.signal.addEventListener("abort", () => signal.removeEventListener("abort", stop), { once: true });
  if (signal.aborted) stop();

  /** What comes of a question, or an error: from the engine, because there was none in time, or from the connection. */
  function ask<T>(question: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return turn(async () => {
      // AbortSignal.any of Node 20 can be collected as garbage while somebody listens to it.
      const given = new AbortController();
      const giveUp = () => given.abort(closing.signal.reason);
      const cancel = clock.after(ANSWER_MS, () => given.abort(new NoAnswer(`no answer in ${ANSWER_MS} ms`)));
      closing.signal.addEventListener("abort", giveUp);
      if (closing.signal.aborted) giveUp();
      try {
        return await Promise.race([question(given.signal), rejection(given.signal)]);
      } finally {
        cancel();
        closing.signal.removeEventListener("abort", giveUp);
      }
    });
  }

  async function get<S extends z.ZodType>(schema: S, path: string, query: Query = {}): Promise<z.output<S>> {
    return read(schema, await ask((until) => http.get(path, query, until)));
  }

  try {
    const { Version, ApiVersion, MinAPIVersion } = await get(engineVersion, "/version");
    const api = spokenApi(ApiVersion, MinAPIVersion ?? undefined);
    const v = `/v${api}`;
    const since = Math.floor(clock.wall() / 1000) - OVERLAP_SECONDS;
    const stream = await ask(() =>
      http.stream(`${v}/events`, { since, filters: EVENT_FILTERS }, closing.signal),
    );
    const take = lines((line) => onEvent(readEvent(line)));
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => take(chunk));
    for (const event of ["end", "close", "error"])
      stream.on(event, () => end(new Error("the stream of events was cut")));

    return {
      version: Version,
      api,
      ended,
      containerIds: () => get(engineIds, `${v}/containers/json`, { all: true }),
      async inspect(id) {
        try {
          return await get(engineContainer, `${v}/containers/${encodeURIComponent(id)}/json`);
        } catch (error) {
          if (error instanceof EngineRefusal && error.status === 404) return undefined;
          throw error;
        }
      },
      networks: () => get(engineNetwork.array(), `${v}/networks`),
      members: (network) => get(engineMembers, `${v}/networks/${encodeURIComponent(network)}`),
      async swarm() {
        try {
          const [services, tasks] = await Promise.all([
            get(engineService.array(), `${v}/services`),
            get(engineTask.array(), `${v}/tasks`, { filters: { "desired-state": ["running"] } }),
          ]);
          return { services, tasks };
        } catch (error) {
          if (error instanceof EngineRefusal && isNoManager(error)) return undefined;
          throw error;
        }
      },
      close: () => end(new Error("closed")),
    };
  } catch (error) {
    end(error as Error);
    throw error;
  }
}

/** The engine may be alive all the same: one container can keep it from answering for that one. */
export class NoAnswer extends Error {}

/** Whether the engine answered, if only to say that it can't do what it was asked. */
export function isAnswer(error: unknown): boolean {
  return error instanceof NoAnswer || error instanceof Misunderstood || error instanceof EngineRefusal;
}

/**
 * This engine is in no swarm, or a worker, which is not told: 503, and 406 up to API 1.24. Where a proxy before the
 * engine keeps the swarm to itself (403), or the engine has none to tell of (404, 501), there is none for us either.
 */
const NO_MANAGER: ReadonlySet<number> = new Set([403, 404, 406, 501, 503]);
/** A manager that is on its way back refuses with the status of one that is none, but with these words. */
const HAS_TROUBLE = /trouble connecting to the cluster/;

function isNoManager({ status, message }: EngineRefusal): boolean {
  return NO_MANAGER.has(status) && !HAS_TROUBLE.test(message);
}

class Misunderstood extends Error {}

function read<S extends z.ZodType>(schema: S, answer: unknown): z.output<S> {
  const { data, error } = schema.safeParse(answer);
  if (error !== undefined)
    throw new Misunderstood(`cannot understand the engine: ${error.issues[0]?.message}`);
  return data as z.output<S>;
}

/** The older one of what we know and what the engine knows. Throws CodedError UNSUPPORTED if it speaks none of ours. */
export function spokenApi(newest: string, oldest: string | undefined): string {
  if (oldest !== undefined && isOlder(NEWEST_API, oldest)) {
    throw new CodedError(
      "UNSUPPORTED",
      `Cannot speak to the engine: its API begins at ${oldest}, ours ends at ${NEWEST_API}`,
      { remedy: "use a newer version of eleven, or set DOCKER_MIN_API_VERSION for dockerd" },
    );
  }
  return isOlder(newest, NEWEST_API) ? newest : NEWEST_API;
}

function isOlder(a: string, b: string): boolean {
  const [majorA = 0, minorA = 0] = a.split(".").map(Number);
  const [majorB = 0, minorB = 0] = b.split(".").map(Number);
  return majorA !== majorB ? majorA < majorB : minorA < minorB;
}

function rejection(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}

/** Lets so many through at a time, in the order of their coming. */
function turnstile(places: number): <T>(pass: () => Promise<T>) => Promise<T> {
  const waiting: (() => void)[] = [];
  let free = places;
  return async (pass) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await pass();
    } finally {
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
