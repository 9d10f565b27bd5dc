/** Somebody who tells which containers exist, and keeps its part of the registry true. */
export interface Source {
  readonly kind: "file" | "docker";
  /** Unique among the sources: `file:/etc/shop.yaml`. */
  readonly name: string;
  /** Applies the first whole set before it resolves; throws a CodedError if there is none to be had. */
  start(): Promise<void>;
  /** Looks again now, and applies what it finds; resolves when that is done. */
  refresh(): Promise<void>;
  stop(): Promise<void>;
  /**
   * Where network namespaces of this machine appear whose containers it will tell of within moments; undefined if there
   * is no such place, and while it can't tell of anything.
   */
  netnsDirectory(): string | undefined;
  status(): SourceStatus;
}

export interface SourceStatus {
  readonly kind: "file" | "docker";
  readonly name: string;
  /**
   * `refused`: what it says now is wrong, so the last good state keeps serving; `error` says what is wrong. `away`: it
   * can't be asked, so the last known state keeps serving.
   */
  readonly state: "starting" | "synced" | "refused" | "away";
  /** ISO 8601 of the last set that was applied. */
  readonly lastSync: string | null;
  readonly error: string | null;
  /** ISO 8601, since when it is away. */
  readonly since?: string;
  /** Differences that a whole set brought to light though events should have told them. */
  readonly repairs?: number;
  /** Who is at the other end: `Docker 20.10.24, API 1.41`. */
  readonly engine?: string;
}
