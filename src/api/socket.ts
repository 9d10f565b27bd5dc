import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { dirname, resolve } from "node:path";
import { CodedError, messageOf } from "../base/errors.ts";

/** sun_path of unix(7), less its final NUL; Node would cut the rest off without a word. */
const PATH_MAX = 107;
/** How long a holder of the socket may take to say who it is. */
const WHO_MS = 500;

/**
 * Listens on a unix socket of mode 0660, as the only one. A socket file that a killed daemon left behind is replaced;
 * one that is in use is refused with who holds it. Throws a CodedError SOCKET_IN_USE or LISTEN.
 */
export async function listenOnSocket(server: Server, path: string): Promise<{ close(): Promise<void> }> {
  const absolute = resolve(path);
  if (Buffer.byteLength(absolute) > PATH_MAX) {
    const message = `Cannot listen on ${absolute}: a socket's path has ${PATH_MAX} octets at most`;
    throw new CodedError("LISTEN", message, { remedy: "choose a shorter path with --socket or `socket:`" });
  }
  const lock = await takeLock(absolute);
  try {
    makeFolder(dirname(absolute));
    await removeStale(absolute);
    await listen(server, absolute, 0o117);
  } catch (error) {
    lock?.close();
    throw error instanceof CodedError ? error : cannotListen(absolute, error);
  }
  async function close(): Promise<void> {
    server.closeAllConnections?.();
    await new Promise<void>((done) => server.close(() => done()));
    lock?.close();
  }
  return { close };
}

/** Not `recursive`: below /proc that goes round for ever (Node 20). */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  if (dirname(path) !== path) makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o755 });
}

declare module "node:net" {
  interface Server {
    /** Of an HTTP server only. */
    closeAllConnections?(): void;
  }
}

/**
 * A file alone can't tell a living holder from a dead one without a race between two daemons that start together.
 * An abstract socket can: it is taken atomically and vanishes with its process (unix(7)). Whoever connects to it
 * is told the holder's pid. Elsewhere than on Linux the check of the file has to do.
 */
async function takeLock(path: string): Promise<Server | undefined> {
  if (process.platform !== "linux") return undefined;
  const lock = createServer((socket) => socket.on("error", () => {}).end(String(process.pid)));
  lock.unref();
  // A hash, because the kernel cuts the name of a socket after 107 octets, and a path may be as long.
  const name = `\0eleven:${createHash("sha256").update(path).digest("hex")}`;
  try {
    await listen(lock, name);
    return lock;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw cannotListen(path, error);
    const pid = await read(name);
    throw inUse(
      path,
      pid === undefined ? "another eleven, which does not answer," : `another eleven (pid ${pid})`,
    );
  }
}

async function removeStale(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    const remedy = "move the file away, or choose another path with --socket or `socket:`";
    throw new CodedError("LISTEN", `Cannot listen on ${path}: there is a file that is not a socket`, {
      remedy,
    });
  }
  if (await answers(path)) throw inUse(path, "a program other than eleven");
  rmSync(path, { force: true });
}

function listen(server: Server, path: string, umask?: number): Promise<void> {
  return new Promise((resolve, reject) => {
    // The mode has to be right from the first moment, so it is the umask's; listening on a path is synchronous.
    const before = umask === undefined ? undefined : process.umask(umask);
    server.once("error", reject);
    server.listen(path, () => {
      server.off("error", reject);
      resolve();
    });
    if (before !== undefined) process.umask(before);
  });
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => socket.destroy());
    socket.on("connect", () => socket.destroy());
  });
}

function read(path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect(path);
    let text = "";
    socket.setTimeout(WHO_MS, () => socket.destroy());
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("error", () => {});
    socket.on("close", () => resolve(text === "" ? undefined : text));
  });
}

function inUse(path: string, who: string): CodedError {
  const remedy = "stop it first, or choose another path with --socket or `socket:`";
  return new CodedError("SOCKET_IN_USE", `Cannot serve on ${path}: ${who} holds it`, { remedy });
}

const STATES: Readonly<Record<string, string>> = {
  EACCES: "permission denied",
  ENOENT: "its folder can't be made",
  ENOTDIR: "a part of the path is not a folder",
  EROFS: "the file system is read-only",
};

function cannotListen(path: string, cause: unknown): CodedError {
  const state = STATES[(cause as NodeJS.ErrnoException).code ?? ""] ?? messageOf(cause);
  const remedy =
    "check that the folder exists and may be written to, or choose another path with --socket or `socket:`";
  return new CodedError("LISTEN", `Cannot listen on ${path}: ${state}`, { remedy, cause });
}
