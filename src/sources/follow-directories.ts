import { watch as fsWatch } from "node:fs";
import { realpath, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";

/** The part of `fs.watch` that is used here; may throw when the system has no more watches to give. */
export type Watch = (
  directory: string,
  options: { persistent: boolean },
  onEvent: () => void,
) => { close(): void; on(event: "error", listener: () => void): unknown };

export interface DirectoryWatches {
  /** Makes the watches fit what is there now; never throws. To be called before each reading of the file. */
  arm(): Promise<void>;
  close(): void;
}

interface Armed {
  readonly identity: string;
  close(): void;
}

/**
 * Watches the folder that a path names its file in, and the one that the file really is in when the path leads
 * over links. A file's own watch would be lost with the file when an editor replaces it. While such a folder is
 * missing, the nearest one above it is watched for its return; when another folder took its place, that one is.
 */
export function watchDirectories(
  path: string,
  onEvent: () => void,
  watch: Watch = fsWatch,
): DirectoryWatches {
  const armed = new Map<string, Armed>();
  let closed = false;

  async function arm(): Promise<void> {
    const wanted = await wantedDirectories(path);
    if (closed) return;
    for (const [directory, { identity, close }] of armed) {
      if (wanted.get(directory) === identity) continue;
      close();
      armed.delete(directory);
    }
    for (const [directory, identity] of wanted) {
      if (!armed.has(directory)) add(directory, identity);
    }
  }

  function add(directory: string, identity: string): void {
    try {
      const watcher = watch(directory, { persistent: false }, onEvent);
      const close = () => watcher.close();
      armed.set(directory, { identity, close });
      watcher.on("error", () => {
        close();
        // It may have been replaced meanwhile, and that one is well.
        if (armed.get(directory)?.close === close) armed.delete(directory);
      });
    } catch {
      // ENOSPC, EMFILE: the poll sees changes until the next `arm` finds a watch to be had.
    }
  }

  return {
    arm,
    close() {
      closed = true;
      for (const { close } of armed.values()) close();
      armed.clear();
    },
  };
}

/** Folder -> which one it is (device and inode), since another may come under the same name. */
async function wantedDirectories(path: string): Promise<Map<string, string>> {
  const wanted = new Map<string, string>();
  const real = await realpath(path).catch(() => undefined);
  for (const file of [resolve(path), ...(real === undefined ? [] : [real])]) {
    for (let directory = dirname(file); ; directory = dirname(directory)) {
      const identity = await identityOf(directory);
      if (identity !== undefined) wanted.set(directory, identity);
      if (identity !== undefined || directory === dirname(directory)) break;
    }
  }
  return wanted;
}

async function identityOf(directory: string): Promise<string | undefined> {
  const stats = await stat(directory).catch(() => undefined);
  return stats?.isDirectory() ? `${stats.dev}:${stats.ino}` : undefined;
}
