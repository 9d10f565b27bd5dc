import { basename } from "node:path";
import type { Clock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Change } from "../registry/model.ts";
import { formatProblem, type Problem } from "../yaml/document.ts";
import type { FileContent } from "./file-content.ts";
import { readSnapshot } from "./file-snapshot.ts";
import { type Follower, followFile } from "./follow-file.ts";
import type { Source, SourceStatus } from "./source.ts";

export interface FileSourceOptions {
  readonly path: string;
  /** Unique among the sources: `file:/etc/shop.yaml`. */
  readonly name: string;
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
export function fileSource({ path, name, apply, clock, log }: FileSourceOptions): Source {
  const file = basename(path);
  let follower: Follower | undefined;
  let lastSync: string | null = null;
  let error: string | null = null;
  let lastWarnings = "";

  /** Applies what the file says, or says why not. */
  function take(content: FileContent, cause: string): string | null {
    if (content.text === undefined) return `Cannot read "${path}": ${content.reason}`;
    const reading = readSnapshot(content.text, { source: name, path });
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

  function update(content: FileContent, cause: string): void {
    const before = error;
    error = take(content, cause);
    if (error === null || error === before) return;
    log.error({ source: name }, `${cause}, and is refused: the last good state keeps serving\n${error}`);
  }

  return {
    kind: "file",
    name,
    async start() {
      const following = await followFile({
        path,
        clock,
        onChange: (content) =>
          update(content, content.text === undefined ? `${file} gone` : `${file} changed`),
      });
      const refusal = take(following.content, `${file} read`);
      if (refusal !== null) {
        following.close();
        throw new CodedError("SOURCE", refusal, { remedy: "docs/config.md describes the file" });
      }
      follower = following;
    },
    async refresh() {
      const following = follower;
      const content = await following?.read();
      // Stopped meanwhile: its part of the registry is no longer ours to change.
      if (content !== undefined && follower === following) update(content, `${file} read again`);
    },
    async stop() {
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
