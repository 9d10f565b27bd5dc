import { createHash } from "node:crypto";
import { existsSync, lstatSync, mkdirSync, rmSync } from "node:fs";
import { connect, createServer, type Server } from "node:net";
import { dirname, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { CodedError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { onAbort } from "../base/on-abort.ts";

/** sun_path of unix(7), less its final NUL; Node would cut the rest off without a word. */
const PATH_MAX = 107;
/**
 * How long a holder that says nothing is waited for: one that was killed is there until the kernel has taken apart what
 * it had, 0.2 s for 12 attached containers and 2.4 s for 200 (measured).
 */
const ENDING_MS = 5_000;
/** From then on whoever starts us is told why it takes so long. */
const NOTICED_MS = 500;
const RETRY_MS = 10;
/** Between the end of a killed daemon's lock and that of its socket; much longer than it takes. */
const CLOSING_MS = 200;

/**
 * Listens on a unix socket of mode 0660, as the only one. A socket file that a killed daemon left behind is replaced;
 * one that is in use is refused with who holds it. A daemon that is ending, or hangs, is waited for, `patienceMs` at
 * most and until `hurry` aborts. Throws a CodedError SOCKET_IN_USE or LISTEN.
 */
export async function listenOnSocket(
  server: Server,
  path: string,
  {
    log,
    patienceMs = ENDING_MS,
    hurry,
  }: { readonly log: Logger; readonly patienceMs?: number; readonly hurry?: AbortSignal | undefined },
): Promise<{ close(): Promise<void> }> {
  const absolute = resolve(path);
  if (Buffer.byteLength(absolute) > PATH_MAX) {
    const message = `Cannot listen on ${absolute}: a socket's path has ${PATH_MAX} octets at most`;
    throw new CodedError("LISTEN", message, { remedy: "choose a shorter path with --socket or `socket:`" });
  }
  const noticed = setTimeout(() => {
    log.info(
      { socket: absolute },
      "another eleven holds the socket, and does not answer: its end is waited for",
    );
  }, NOTICED_MS);
  const patience = new AbortController();
  const forget = hurry === undefined ? () => {} : onAbort(hurry, () => patience.abort());
  const late = setTimeout(() => patience.abort(), patienceMs);
  const lock = await takeLock(absolute, patience.signal).finally(() => {
    forget();
    for (const timer of [noticed, late]) clearTimeout(timer);
  });
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
 * is told the holder's pid; one that is ending, or hangs, accepts and says nothing until the kernel closes the
 * connection. Elsewhere than on Linux the check of the file has to do.
 */
async function takeLock(path: string, patience: AbortSignal): Promise<Server | undefined> {
  if (process.platform !== "linux") return undefined;
  // A hash, because the kernel cuts the name of a socket after 107 octets, and a path may be as long.
  const name = `\0eleven:${createHash("sha256").update(path).digest("hex")}`;
  for (;;) {
    const lock = createServer((socket) => socket.on("error", () => {}).end(String(process.pid)));
    lock.unref();
    try {
      await listen(lock, name);
      return lock;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EADDRINUSE") throw cannotListen(path, error);
    }
    const pid = await read(name, patience);
    if (pid !== undefined) throw inUse(path, `another eleven (pid ${pid})`);
    if (patience.aborted) throw hangs(path);
    await pause(RETRY_MS);
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
  // A daemon that is ending may have let go of its lock, and not yet of this.
  if ((await answers(path)) && (await pause(CLOSING_MS).then(() => answers(path))))
    throw inUse(path, "a program other than eleven");
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

/** Undefined: the connection was closed without a word, or there was none. */
function read(path: string, patience: AbortSignal): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path, signal: patience });
    let text = "";
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

function hangs(path: string): CodedError {
  const message = `Cannot serve on ${path}: another eleven holds it, and neither answers nor ends`;
  const remedy = `end it with kill -9 (its pid: ss -xlp src ${path}), or choose another path with --socket or \`socket:\``;
  return new CodedError("SOCKET_IN_USE", message, { remedy });
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
