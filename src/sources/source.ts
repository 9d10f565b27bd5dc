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
  status(): SourceStatus;
}

export interface SourceStatus {
  readonly kind: "file" | "docker";
  readonly name: string;
  /** `refused`: what it says now is wrong, so the last good state keeps serving; `error` says what is wrong. */
  readonly state: "starting" | "synced" | "refused";
  /** ISO 8601 of the last set that was applied. */
  readonly lastSync: string | null;
  readonly error: string | null;
}
