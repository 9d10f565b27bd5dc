import type { CheckReport, DoctorReport } from "../diagnose/finding.ts";
import type { HistoryEntry, RegistryRecord } from "../registry/model.ts";
import type { SourceStatus } from "../sources/source.ts";

/** What the control socket offers: the running daemon as its commands see it. Shapes are those of `--json`. */
export interface Control {
  status(): StatusReport;
  /** Throws a CodedError NO_SUCH_CONTAINER or USAGE. */
  query(request: QueryRequest): Promise<QueryReport>;
  /** As `query`, and throws the same. */
  explain(request: ExplainRequest): Promise<ExplainReport>;
  records(filter: RecordFilter): RegistryRecord[];
  history(name: string | undefined): HistoryEntry[];
  /** Takes over 127.0.0.11 of these containers, and keeps doing so when they come back. */
  attach(containers: readonly string[]): Promise<AttachReport>;
  detach(containers: readonly string[]): Promise<AttachReport>;
  cache(): CacheReport;
  /** Forgets one name, or everything. Throws a CodedError USAGE. */
  flushCache(name: string | undefined): FlushReport;
  /**
   * Shows the answers that are given from now on, until the function that it returns is called. Throws a CodedError
   * NO_SUCH_CONTAINER or USAGE.
   */
  watch(request: WatchRequest, take: (event: WatchEvent) => void): () => void;
  /** Runs all checks of `eleven doctor`, and tells of each as it ends; `signal` ends it early. */
  doctor(progress: (progress: DoctorProgress) => void, signal: AbortSignal): Promise<DoctorReport>;
}

export interface DoctorProgress {
  readonly checked: CheckReport;
  /** How many checks there are. */
  readonly of: number;
}

export interface StatusReport {
  readonly ready: boolean;
  /** ISO 8601, since when it is ready, or not ready. */
  readonly since: string;
  /** ISO 8601, when this process began. */
  readonly started: string;
  readonly version: string;
  readonly pid: number;
  readonly revision: number;
  readonly sources: readonly SourceStatus[];
  readonly containers: number;
  /** Names of the containers whose 127.0.0.11 we answer. */
  readonly attached: readonly string[];
  readonly attachments: readonly AttachmentReport[];
  readonly listeners: readonly string[];
  /** Null without `nodeLocal:`. */
  readonly nodeLocal: NodeLocalReport | null;
  readonly dataplane: DataPlaneReport;
  readonly upstreams: readonly UpstreamReport[];
}

/** The node-local listener. */
export interface NodeLocalReport {
  readonly address: string;
  readonly intercept: readonly string[];
  /** Which has these addresses; null while there is none. */
  readonly interface: string | null;
  /** `withdrawn`: this machine does not have the addresses, for the reason given. */
  readonly state: "up" | "withdrawn";
  readonly reason: string | null;
  readonly remedy: string | null;
}

/** Who answers over UDP. */
export interface DataPlaneReport {
  readonly kind: "threads" | "portable";
  /** `hung`: it does not answer its own probe, and is started anew. */
  readonly state: "up" | "hung";
  /** Answers in its table. */
  readonly entries: number;
  /**
   * Queries refused because too many waited; answers that the kernel did not take; queries that it threw away, because
   * they came faster than they were read; threads started anew.
   */
  readonly shed: number;
  readonly unsent: number;
  readonly lost: number;
  readonly restarts: number;
}

export interface AttachmentReport {
  readonly container: string;
  /** Key of that container, which tells containers of one name apart; null while there is none. */
  readonly sandbox: string | null;
  readonly state: "attached" | "waiting" | "failed" | "detached";
  /** ISO 8601; null where nothing could be tried yet. */
  readonly since: string | null;
  readonly reason: string | null;
  readonly remedy: string | null;
}

export interface UpstreamReport {
  /** From whose namespace it is asked: `host`, or a container's name. */
  readonly scope: string;
  /** Key of that container, which tells it from others of its name, and from the host; null for the host. */
  readonly sandbox: string | null;
  readonly address: string;
  /** `refused`: it is not asked at all, for the reason given. */
  readonly state: "up" | "down" | "unknown" | "refused";
  /** Of the latest reply. */
  readonly rttMs: number | null;
  /** Smoothed, and how far it strays. */
  readonly srttMs: number | null;
  readonly rttvarMs: number | null;
  /** ISO 8601, when this state began; null while unknown. */
  readonly since: string | null;
  readonly lastFailure: string | null;
  /** `AAAA in example.org.`: what it never answers, though it answers A there. */
  readonly silentOn: readonly string[];
  readonly reason: string | null;
  readonly remedy: string | null;
}

export interface QueryRequest {
  readonly name: string;
  readonly type: string;
  /** Name or id of a container; without it the host's view. */
  readonly from?: string | undefined;
}

export interface RecordReport {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  /** In presentation format. */
  readonly data: string;
}

export interface QueryReport {
  readonly question: { readonly name: string; readonly type: string };
  readonly from: string | null;
  readonly rcode: string;
  readonly answers: readonly RecordReport[];
  readonly authority: readonly RecordReport[];
  readonly ede: readonly { readonly code: number; readonly text: string }[];
  readonly origin: "registry" | "cache" | "stale" | "upstream" | "none";
  readonly upstream: string | null;
  readonly ms: number;
}

export interface ExplainRequest {
  /** A name, or an address whose owner is wanted. */
  readonly name: string;
  /** Of an address PTR, otherwise A, if nothing is said. */
  readonly type?: string | undefined;
  readonly from?: string | undefined;
}

/** The question is the one that was typed, as `query` tells it. */
export interface ExplainReport extends QueryReport {
  /** The name whose answer counts: a search list may have made it another one. */
  readonly answeredAs: string;
  /** Every decision, first to last. */
  readonly steps: readonly StepReport[];
}

export interface StepReport {
  /** `stub`, `registry`, `cache`, the name of a resolver, `server`, `provenance`. */
  readonly who: string;
  readonly decision: string;
  readonly detail: Readonly<Record<string, unknown>>;
  /** Microseconds since the beginning. */
  readonly us: number;
}

/** Which answers are wanted; what is left out does not matter. */
export interface WatchRequest {
  /** Name or id of a container. */
  readonly container?: string | undefined;
  /** A glob: `*.shop`. */
  readonly name?: string | undefined;
  readonly type?: string | undefined;
  readonly rcode?: string | undefined;
  /** Milliseconds, at least. */
  readonly slow?: number | undefined;
}

/** `skipped`: how many were not shown, or not looked at, because they came too fast. */
export type WatchEvent = QueryEvent | { readonly skipped: number };

/** One answer that a client got. */
export interface QueryEvent {
  /** ISO 8601. */
  readonly at: string;
  /** Null for the host. */
  readonly container: string | null;
  readonly transport: "udp" | "tcp" | "control";
  readonly question: { readonly name: string; readonly type: string };
  readonly rcode: string;
  readonly answers: readonly RecordReport[];
  readonly ede: readonly { readonly code: number; readonly text: string }[];
  readonly origin: QueryReport["origin"];
  readonly upstream: string | null;
  /** 0 for those that the data plane gave by itself: some microseconds, which it does not measure. */
  readonly ms: number;
  /** It took 100 ms or more. */
  readonly slow: boolean;
}

export interface RecordFilter {
  readonly name?: string | undefined;
  readonly network?: string | undefined;
  readonly container?: string | undefined;
}

export interface AttachReport {
  /** Names of the containers that are attached, or detached, now. */
  readonly done: readonly string[];
  readonly failed: readonly {
    readonly container: string;
    readonly reason: string;
    readonly remedy?: string;
  }[];
}

export interface CacheReport {
  readonly entries: number;
  readonly bytes: number;
  /** 0: it is switched off. */
  readonly maxBytes: number;
  /** The rest only grows: answered from a fresh entry, */
  readonly hits: number;
  /** had to wait for upstreams, */
  readonly misses: number;
  /** of these, waited for a question that was in flight already; */
  readonly joined: number;
  /** answered from an expired entry, */
  readonly stale: number;
  /** answered with a failure that was remembered; */
  readonly failures: number;
  /** asked anew before they expired, and made room for others. */
  readonly prefetches: number;
  readonly evictions: number;
}

export interface FlushReport {
  /** How many answers were forgotten. */
  readonly flushed: number;
}
