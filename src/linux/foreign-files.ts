import { closeSync, constants, fstatSync, lstatSync, openSync, statSync } from "node:fs";
import { posix } from "node:path";

/** `device:inode` of what the path leads to: equal for the same namespace, say. Undefined if that can't be seen. */
export function identityAt(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path, { bigint: true });
    return `${dev}:${ino}`;
  } catch {
    return undefined;
  }
}

/**
 * What `use` makes of a plain file below a root that others fill (`/proc/PID/root`); undefined if it is something else,
 * or if a folder on the way is a link, which would lead through our own root. Throws as `openSync` does, with ELOOP for
 * a link in its place.
 */
export function withFileBelow<T>(root: string, path: string, use: (fd: number) => T): T | undefined {
  if (leadsElsewhere(root, posix.dirname(path))) return undefined;
  // O_NONBLOCK: a named pipe would hold us up.
  const fd = openSync(root + path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return fstatSync(fd).isFile() ? use(fd) : undefined;
  } finally {
    closeSync(fd);
  }
}

function leadsElsewhere(root: string, folder: string): boolean {
  if (folder === "/") return false;
  return leadsElsewhere(root, posix.dirname(folder)) || lstatSync(root + folder).isSymbolicLink();
}
