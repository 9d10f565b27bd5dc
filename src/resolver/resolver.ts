import type { ExtendedError, Question, ResourceRecord } from "../wire/message.ts";
import type { Trace } from "./trace.ts";

/**
 * Anything that turns a query into an answer: the registry's zone, split DNS, the forwarder, and whatever wraps
 * one of these. Everything on the query path composes by this interface.
 *
 * `resolve` has three outcomes, and only three:
 * - an `Answer`. NODATA (NOERROR without answers) is an answer, and so is NXDOMAIN;
 * - `undefined`: not mine, somebody further down the pipeline may know. It never means "no such name". Who knows at
 *   once says so at once: most queries pass most resolvers by, and a promise for each costs as much as the looking;
 * - a throw, or a rejection: mine, but it failed. A `ResolveFailure` says why in an Extended DNS Error; anything else is a bug.
 *   `server/respond.ts` is the one place where failures become rcodes.
 *
 * It never changes the query, gives up soon after `query.signal` aborts, and adds at least one step to
 * `query.trace` whenever it decides something.
 */
export interface Resolver {
  readonly name: string;
  resolve(query: Query): Promise<Answer | undefined> | undefined;
}

/** One question, with who asks it and how long it matters. */
export interface Query {
  /** As the client wrote it: the letter case of the qname is to be echoed. */
  readonly question: Question;
  readonly client: Client;
  /** Recursion Desired, Checking Disabled, Authentic Data and DNSSEC OK, as the client set them. */
  readonly rd: boolean;
  readonly cd: boolean;
  readonly ad: boolean;
  readonly do: boolean;
  readonly signal: AbortSignal;
  readonly trace: Trace;
}

/** Who asks. */
export interface Client {
  /** Key of the sandbox (container) whose view applies; undefined for the host's view. */
  readonly sandbox: string | undefined;
  /** The node-local listener: it has the host's view, and may have other upstreams than the host. */
  readonly via?: "node-local";
  /** `control` is a question put over the control socket, on somebody's behalf. */
  readonly transport: "udp" | "tcp" | "control";
}

/** Where an answer came from. */
export type Origin = "registry" | "cache" | "stale" | "upstream" | "none";

export interface Answer {
  /** The whole rcode, `Rcode` of `wire/iana.ts`. */
  readonly rcode: number;
  /** Authoritative Answer: this program owns the name. */
  readonly aa: boolean;
  /** Authentic Data, as an upstream vouched for it. */
  readonly ad: boolean;
  readonly answers: readonly ResourceRecord[];
  readonly authority: readonly ResourceRecord[];
  readonly additional: readonly ResourceRecord[];
  readonly ede: readonly ExtendedError[];
  readonly origin: Origin;
  /** `10.0.0.1:53`, when an upstream gave it. */
  readonly upstream: string | undefined;
  /** Without it, this answer is for this query alone. */
  readonly reuse?: Reuse;
}

/**
 * Whoever has the same view and asks the same question, with the same DO and CD, may be given this answer again
 * without asking the pipeline, as long as nothing changes that it was made of (registry, configuration, cache).
 */
export interface Reuse {
  /** From now on; Infinity: as long as nothing changes. */
  readonly milliseconds: number;
  /**
   * If the TTLs count down meanwhile (cached records): how many milliseconds of the next second are over already, since
   * TTLs are whole seconds. Undefined: they are the same in each answer (our own).
   */
  readonly agedMs: number | undefined;
  /** If it is not 0: by this number, whoever gives it again is to tell that he did, to whom it came from. */
  readonly mark?: number;
}
