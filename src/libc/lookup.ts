import type { Clock } from "../base/clock.ts";
import { glibcLookup } from "./glibc.ts";
import { glibcState } from "./glibc-state.ts";
import { muslLookup } from "./musl.ts";
import type { Network } from "./network.ts";
import type { EaiError, Found, LookupRequest, Stub } from "./stub.ts";
import { glibcConf, muslConf, type StubConf } from "./stub-conf.ts";
import { createTimeline, type TimelineEvent } from "./timeline.ts";

/** Whose rules are followed: glibc 2.36's; musl's as of 1.2.4; those of musl before that. */
export type Libc = "glibc" | "musl" | "musl-1.2.3";

/** The files' texts, and what else a libc depends on. */
export interface LookupFiles {
  readonly resolvConf: string;
  readonly hosts: string;
  /** Its domain is glibc's search list where the file has none. */
  readonly hostname: string;
}

export interface LookupEnvironment {
  readonly clock: Clock;
  readonly network: Network;
  /** 0 to 65535 */
  random(): number;
  /** The order in which the addresses are handed to the program. */
  sort(addresses: readonly string[]): Promise<readonly string[]>;
}

export interface LookupResult {
  /** Best first, as the program would get them. */
  readonly addresses: readonly string[];
  /** STILL_WAITING: it was not over when our patience was. */
  readonly error: EaiError | "STILL_WAITING" | null;
  readonly ms: number;
  readonly timeline: readonly TimelineEvent[];
}

export function stubConf(libc: Libc, { resolvConf, hostname }: LookupFiles): StubConf {
  return libc === "glibc" ? glibcConf(resolvConf, hostname) : muslConf(resolvConf);
}

/**
 * Runs one `getaddrinfo` as `libc` does it. Never rejects for what a network does. Where libc sets itself no limit only
 * `patience` does, which ends the lookup as STILL_WAITING; sockets that are open then stay open.
 */
export async function lookup(
  request: LookupRequest,
  libc: Libc,
  files: LookupFiles,
  environment: LookupEnvironment,
  patience?: AbortSignal,
): Promise<LookupResult> {
  const { clock, network, random, sort } = environment;
  const timeline = createTimeline(clock);
  const began = clock.now();
  const answer = await unless(patience, run({ clock, network, timeline, random }, request, libc, files));
  const ms = clock.now() - began;
  const addresses = answer === undefined || answer.error !== null ? [] : await sort(answer.addresses);
  const error = answer === undefined ? "STILL_WAITING" : answer.error;
  return { addresses, error, ms, timeline: [...timeline.events] };
}

function run(stub: Stub, request: LookupRequest, libc: Libc, files: LookupFiles): Promise<Found> {
  const conf = stubConf(libc, files);
  return libc === "glibc"
    ? glibcLookup(stub, glibcState(conf, stub.random()), files.hosts, request)
    : muslLookup(stub, conf, files.hosts, request, { isBefore124: libc === "musl-1.2.3" });
}

/** Undefined once patience has ended. */
function unless<T>(patience: AbortSignal | undefined, work: Promise<T>): Promise<T | undefined> {
  return new Promise((resolve, reject) => {
    patience?.addEventListener("abort", () => resolve(undefined), { once: true });
    work.then(resolve, reject);
  });
}
