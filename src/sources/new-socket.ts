import { statSync } from "node:fs";
import { fileStamp } from "../base/file-stamp.ts";
import { watchDirectories } from "./follow-directories.ts";

/**
 * Calls whenever another socket than before is at the path, or its owner or mode is another; gives what ends that. Who
 * listens there may come at any time, and to try again and again is late by half the time between two attempts.
 */
export function onNewSocket(path: string, call: () => void): () => void {
  let last = identityOf(path);
  let isEnded = false;
  const watches = watchDirectories(path, () => void look());

  async function look(): Promise<void> {
    compare();
    // A folder that has come, or that a link leads to now, is watched from now on; and what came into it before that?
    await watches.arm();
    compare();
  }

  function compare(): void {
    const now = identityOf(path);
    if (isEnded || now === last) return;
    last = now;
    if (now !== undefined) call();
  }

  void look();
  return () => {
    isEnded = true;
    watches.close();
  };
}

/** Undefined: nothing is there, or nothing that we may see. */
function identityOf(path: string): string | undefined {
  try {
    return fileStamp(statSync(path, { bigint: true }));
  } catch {
    return undefined;
  }
}
