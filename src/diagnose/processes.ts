import { fstatSync, readdirSync, readSync } from "node:fs";
import { identityAt, withFileBelow } from "../linux/foreign-files.ts";
import { libcOf } from "../sandbox/stub-files.ts";

/** The files that processes of one container see. */
export interface ContainerFiles {
  /**
   * A regular file of at most 64 KiB that no symbolic link leads to (one would lead through our own root), else
   * undefined. Never throws.
   */
  read(path: string): string | undefined;
  /** When it was last written, in milliseconds since 1970; undefined as for `read`. */
  writtenAt(path: string): number | undefined;
  /** Which libc the process has loaded; if none (static programs), which is installed; undefined if that can't be seen. */
  libc(): "glibc" | "musl" | undefined;
  /** Process id, through whose root they are read. */
  readonly pid: number;
}

const MAX_OCTETS = 64 * 1024;

/**
 * By the identity of a network namespace (`device:inode`), what its oldest process with a mount namespace other than
 * ours sees: the container's own. Looks at /proc once; without the right to look it is empty.
 */
export function containerFiles(): ReadonlyMap<string, ContainerFiles> {
  const found = new Map<string, ContainerFiles>();
  const ours = identityAt("/proc/self/ns/mnt");
  // Elsewhere than on Linux.
  if (ours === undefined) return found;
  const pids = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
  for (const pid of pids) {
    const network = identityAt(`/proc/${pid}/ns/net`);
    if (network === undefined || found.has(network)) continue;
    const mounts = identityAt(`/proc/${pid}/ns/mnt`);
    if (mounts !== undefined && mounts !== ours) found.set(network, filesOf(pid));
  }
  return found;
}

function filesOf(pid: number): ContainerFiles {
  function opened<T>(path: string, use: (fd: number) => T): T | undefined {
    try {
      return withFileBelow(`/proc/${pid}/root`, path, use);
    } catch {
      return undefined;
    }
  }
  return {
    pid,
    read: (path) =>
      opened(path, (fd) => {
        const octets = Buffer.alloc(MAX_OCTETS + 1);
        const length = readSync(fd, octets);
        return length > MAX_OCTETS ? undefined : octets.toString("utf8", 0, length);
      }),
    libc: () => libcOf(`/proc/${pid}`),
    writtenAt: (path) => opened(path, (fd) => fstatSync(fd).mtimeMs),
  };
}
