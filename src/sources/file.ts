import { basename } from "node:path";
import type { Clock } from "../base/clock.ts";
import { CodedError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Change } from "../registry/model.ts";
import { formatProblem, type Problem } from "../yaml/document.ts";
import { coalesced } from "./coalesced.ts";
import type { FileContent } from "./file-content.ts";
import type { SnapshotReading } from "./file-snapshot.ts";
import { type Follower, followFile } from "./follow-file.ts";
import { LARGE, type SnapshotReader } from "./snapshot-reader.ts";
import type { Source, SourceStatus } from "./source.ts";

export interface FileSourceOptions {
  readonly path: string;
  /** Unique among the sources: `file:/etc/shop.yaml`. */
  readonly name: string;
  readonly read: SnapshotReader;
  readonly apply: (change: Change) => unknown;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Enough to see what is going on; a file with a thousand faults has one cause. */
const MAX_LINES = 20;

/**
 * The containers that a YAML file names, followed while it is edited. Each state of the file is applied whole, as
 * one `sync`, or refused whole, while the last good one keeps serving; a file that is gone is a refused state, too,
 * since deleting it is not how one says that there are no containers.
 */
export function fileSource({ path, name, read, apply, clock, log }: FileSourceOptions): Source {
  const file = basename(path);
  let follower: Follower | undefined;
  let lastSync: string | null = null;
  let error: string | null = null;
  let lastWarnings = "";
  let latest: { readonly content: FileContent; readonly cause: string };
  const stopping = new AbortController();

  /** Applies what the file says, or says why not. */
  async function take(content: FileContent, cause: string): Promise<string | null> {
    if (content.text === undefined) return `Cannot read "${path}": ${content.reason}`;
    if (content.text.length >= LARGE)
      log.info({ source: name, characters: content.text.length }, `reading ${file}`);
    let reading: SnapshotReading;
    try {
      reading = await read(content.text, { source: name, path }, stopping.signal);
    } catch (error) {
      return stopping.signal.aborted ? null : `Cannot read "${path}": ${messageOf(error)}`;
    }
    // Meanwhile its part of the registry may have ceased to be ours to change.
    if (stopping.signal.aborted) return null;
    if ("problems" in reading) return lines(path, reading.problems);
    const { snapshot } = reading;
    apply({ kind: "sync", source: name, cause, snapshot });
    lastSync = new Date(clock.wall()).toISOString();
    log.info({ source: name, containers: snapshot.containers.length }, cause);
    const warnings = lines(path, reading.warnings);
    if (warnings !== "" && warnings !== lastWarnings) log.warn({ source: name }, warnings);
    lastWarnings = warnings;
    return null;
  }

  const takeLatest = coalesced(async () => {
    if (stopping.signal.aborted) return;
    const { content, cause } = latest;
    const before = error;
    error = await take(content, cause);
    // At the start it is thrown.
    if (lastSync === null || error === null || error === before) return;
    log.error({ source: name }, `${cause}, and is refused: the last good state keeps serving\n${error}`);
  });

  function update(content: FileContent, cause: string): Promise<void> {
    latest = { content, cause };
    return takeLatest();
  }

  return {
    kind: "file",
    name,
    async start() {
      const following = await followFile({
        path,
        clock,
        onChange: (content) =>
          void update(content, content.text === undefined ? `${file} gone` : `${file} changed`),
      });
      await update(following.content, `${file} read`);
      if (error !== null || stopping.signal.aborted) following.close();
      if (error !== null) {
        throw new CodedError("SOURCE", error, { remedy: "docs/config.md describes the file" });
      }
      follower = following;
    },
    async refresh() {
      const following = follower;
      const content = await following?.read();
      if (content !== undefined) await update(content, `${file} read again`);
    },
    async stop() {
      stopping.abort();
      follower?.close();
      follower = undefined;
    },
    // It is written by people or programs, in their own time.
    netnsDirectory: () => undefined,
    status(): SourceStatus {
      const state = lastSync === null ? "starting" : error === null ? "synced" : "refused";
      return { kind: "file", name, state, lastSync, error };
    },
  };
}

function lines(path: string, problems: readonly Problem[]): string {
  const all = problems.map((problem) => formatProblem(path, problem));
  const left = all.length - MAX_LINES;
  return left > 0 ? [...all.slice(0, MAX_LINES), `... and ${left} more`].join("\n") : all.join("\n");
}
