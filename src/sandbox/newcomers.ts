import { existsSync, type FSWatcher, readdirSync, watch } from "node:fs";
import { basename, dirname } from "node:path";
import { errnoName } from "../linux/libc.ts";

export interface Newcomers {
  /** Begins to watch, if that is not done yet or could not be done: where the system has no more watches to give. */
  look(): void;
  close(): void;
}

/**
 * Tells the names of what is made in a directory from now on. The directory itself may be made later, or anew: until
 * then the nearest one above it is watched for it, and all that is found in it when it comes is new.
 */
export function newcomers(directory: string, found: (name: string) => void): Newcomers {
  const self = basename(directory);
  let watcher: FSWatcher | undefined;

  function look(): void {
    if (watcher === undefined) follow(false);
  }

  function follow(wasMissing: boolean): void {
    let isNew = wasMissing;
    for (;;) {
      const at = nearest(directory);
      if (!arm(at)) return;
      const isWatched = watcher !== undefined;
      if (isWatched && at === directory) break;
      isNew = true;
      // It may have been made before the watch was there to tell.
      if (isWatched && nearest(directory) === at) return;
    }
    if (isNew) for (const name of namesIn(directory)) found(name);
  }

  /** False if it can't be watched. One that has gone meanwhile is none to be watched, and no failure. */
  function arm(at: string): boolean {
    close();
    try {
      const armed = watch(at, { persistent: false }, (event, name) => {
        if (watcher !== armed) return;
        // The end of the directory itself comes under its own name; an inode's number may be the next one's, too.
        const isOver = at === directory ? event === "rename" && name === self : nearest(directory) !== at;
        if (isOver) follow(true);
        else if (at === directory && name !== null) found(name);
      });
      armed.on("error", () => {
        if (watcher === armed) close();
      });
      watcher = armed;
      return true;
    } catch (error) {
      return errnoName(error) === "ENOENT";
    }
  }

  function close(): void {
    watcher?.close();
    watcher = undefined;
  }

  return { look, close };
}

/** The directory, or what there is of the way to it. */
function nearest(directory: string): string {
  let at = directory;
  while (!existsSync(at) && at !== dirname(at)) at = dirname(at);
  return at;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    // It has gone again, which the watch tells.
    return [];
  }
}
