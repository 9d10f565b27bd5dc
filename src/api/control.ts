import type { HistoryEntry, RegistryRecord } from "../registry/model.ts";
import type { SourceStatus } from "../sources/source.ts";

/** What the control socket offers: the running daemon as its commands see it. Shapes are those of `--json`. */
export interface Control {
  status(): StatusReport;
  /** Throws a CodedError NO_SUCH_CONTAINER or USAGE. */
  query(request: QueryRequest): Promise<QueryReport>;
  records(filter: RecordFilter): RegistryRecord[];
  history(name: string | undefined): HistoryEntry[];
  /** Takes over 127.0.0.11 of these containers, and keeps doing so when they come back. */
  attach(containers: readonly string[]): Promise<AttachReport>;
  detach(containers: readonly string[]): Promise<AttachReport>;
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
  readonly upstreams: readonly UpstreamReport[];
}

export interface AttachmentReport {
  readonly container: string;
  readonly state: "attached" | "waiting" | "failed" | "detached";
  /** ISO 8601; null where nothing could be tried yet. */
  readonly since: string | null;
  readonly reason: string | null;
  readonly remedy: string | null;
}

export interface UpstreamReport {
  /** From whose namespace it is asked: `host`, or a container's name. */
  readonly scope: string;
  readonly address: string;
  readonly state: "up" | "down" | "unknown";
  readonly rttMs: number | null;
  /** ISO 8601, when this state began; null while unknown. */
  readonly since: string | null;
  readonly lastFailure: string | null;
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
