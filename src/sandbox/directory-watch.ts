import { type FSWatcher, watch } from "node:fs";
import { dirname } from "node:path";
import type { Clock } from "../base/clock.ts";

/** `ip netns add` makes a file first and mounts the namespace on it after; both come as one change. */
const SETTLE_MS = 50;

/** Tells soon when something comes or goes beside one of the paths that were last `set`. */
export interface DirectoryWatch {
  set(paths: Iterable<string>): void;
  close(): void;
}

/**
 * A hint, not a promise: a directory that can't be watched (it isn't there, or the user's inotify watches are
 * used up) is passed over in silence, so look by yourself from time to time too.
 */
export function directoryWatch(options: {
  readonly clock: Clock;
  readonly changed: () => void;
}): DirectoryWatch {
  const { clock, changed } = options;
  const watchers = new Map<string, FSWatcher>();
  let cancel: (() => void) | undefined;

  function settle(): void {
    cancel ??= clock.after(SETTLE_MS, () => {
      cancel = undefined;
      changed();
    });
  }

  function unwatch(directory: string): void {
    watchers.get(directory)?.close();
    watchers.delete(directory);
  }

  function set(paths: Iterable<string>): void {
    // Directories of /proc tell nothing.
    const directories = new Set(
      Array.from(paths, (path) => dirname(path)).filter((path) => !path.startsWith("/proc/")),
    );
    for (const directory of watchers.keys()) if (!directories.has(directory)) unwatch(directory);
    for (const directory of directories) {
      if (watchers.has(directory)) continue;
      try {
        const watcher = watch(directory, { persistent: false }, settle);
        watcher.on("error", () => unwatch(directory));
        watchers.set(directory, watcher);
      } catch {
        // Not watched; see above.
      }
    }
  }

  function close(): void {
    cancel?.();
    set([]);
  }

  return { set, close };
}
