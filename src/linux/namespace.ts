import {
  closeSync,
  constants,
  fstatSync,
  openSync,
  type Stats,
  statfsSync,
  statSync,
  writeSync,
} from "node:fs";
import { CodedError, messageOf } from "../base/errors.ts";
import { errnoName, libc, linuxSupport, type Support } from "./libc.ts";

/** linux/sched.h; to `setns` it says that nothing but a network namespace will do. */
const CLONE_NEWNET = 0x40000000;

/** A network namespace held by a descriptor, which keeps it alive after its path is gone. */
export interface Namespace {
  readonly path: string;
  /** -1 after `close`. */
  readonly fd: number;
  /** `device:inode`: equal if and only if it is the same namespace. */
  readonly identity: string;
  /** Whether `path` still names this very namespace: one stat, never throws. */
  isCurrent(): boolean;
  /** May be called again. */
  close(): void;
}

/** What a function run by `inNamespace` may return: a promise would go on in the wrong namespace. */
export type Immediate<T> = T extends PromiseLike<unknown> ? never : T;

/**
 * Opens the namespace at `path` and proves that it can be entered. Throws CodedError ATTACH: there is none, it is
 * no network namespace, or we may not (the errno is that of `cause`); UNSUPPORTED as `libc` does.
 */
export function openNamespace(path: string): Namespace {
  let fd = open(path);
  const identity = identityOf(fstatSync(fd));
  const namespace: Namespace = {
    path,
    get fd() {
      return fd;
    },
    identity,
    isCurrent: () => namespaceAt(path) === identity,
    close() {
      if (fd !== -1) closeSync(fd);
      fd = -1;
    },
  };
  try {
    // A descriptor of the file itself would keep what is mounted there busy, and whoever made it from unmounting it.
    const own = inNamespace(namespace, () => openSync("/proc/thread-self/ns/net", "r"));
    closeSync(fd);
    fd = own;
  } catch (error) {
    namespace.close();
    throw error;
  }
  return namespace;
}

/**
 * Runs `fn` with the calling thread inside the namespace (setns(2)) and returns what it returns. Throws what it
 * throws, or CodedError ATTACH if the namespace can't be entered.
 *
 * `fn` makes system calls and nothing else. A thread inherits the namespace of the one that starts it, so
 * anything that could start Node's thread pool (`fs` with a callback, `dns`, a Worker) would leave threads
 * behind in there. Not to be nested: the way back is the way home.
 */
export function inNamespace<T>(namespace: Namespace, fn: () => Immediate<T>): Immediate<T> {
  const { setns } = libc();
  const home = homeNamespace();
  try {
    setns(namespace.fd, CLONE_NEWNET);
  } catch (error) {
    throw cannotEnter(namespace.path, error);
  }
  try {
    return fn();
  } finally {
    try {
      setns(home, CLONE_NEWNET);
    } catch (error) {
      // From here every socket of the program would be made in some container. Nothing is safer than to end.
      writeSync(
        2,
        `eleven: cannot return from the network namespace ${namespace.path}: ${messageOf(error)}\n`,
      );
      process.abort();
    }
  }
}

/** Whether this is the namespace that this process itself lives in. */
export function isOwnNamespace({ identity }: Namespace): boolean {
  return identityOf(fstatSync(homeNamespace())) === identity;
}

/** Whether this process can enter network namespaces at all: on Linux, with the right to. Never throws. */
export function namespaceSupport(): Support {
  const support = linuxSupport();
  if (!support.ok) return support;
  try {
    libc().setns(homeNamespace(), CLONE_NEWNET);
    return { ok: true };
  } catch (error) {
    if (errnoName(error) === "EPERM") return { ok: false, why: `not permitted to; ${NEEDS_ROOT}` };
    return { ok: false, why: messageOf(error) };
  }
}

const NEEDS_ROOT = "it takes root, or CAP_SYS_ADMIN";
let home: number | undefined;

/** Opened once a thread (each has its own copy of this module), while that thread is still at home. */
function homeNamespace(): number {
  home ??= openSync("/proc/thread-self/ns/net", "r");
  return home;
}

function open(path: string): number {
  try {
    // Without O_NONBLOCK, a named pipe at this path would hold up the whole program.
    return openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    throw cannotEnter(path, error);
  }
}

function cannotEnter(path: string, cause: unknown): CodedError {
  const [state, remedy] = explain(errnoName(cause)) ?? [messageOf(cause)];
  return new CodedError("ATTACH", `Cannot enter the network namespace ${path}: ${state}`, {
    cause,
    ...(remedy === undefined ? {} : { remedy }),
  });
}

function explain(errno: string | undefined): [state: string, remedy: string] | undefined {
  switch (errno) {
    case "ENOENT":
      return ["there is none", "Check the path; it appears when the container starts"];
    case "EINVAL":
      return ["it is something else", "Name a file such as /run/netns/NAME or /proc/PID/ns/net"];
    case "EBADF":
      return ["it was let go of", "Open it anew"];
    case "EPERM":
      return ["not permitted", `Run eleven as root: ${NEEDS_ROOT}`];
    case "EACCES":
      // Of whom has more rights than we have, /proc does not even let us open it.
      return [
        "not permitted to open it",
        "Run eleven as root; confined, let it see /var/run/docker/netns, or give it CAP_SYS_PTRACE",
      ];
    default:
      return undefined;
  }
}

/** The identity of the namespace that `path` names now, or of whatever else is there; undefined if nothing is. */
export function namespaceAt(path: string): string | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats && identityOf(stats);
  } catch {
    return undefined;
  }
}

/**
 * Whether there is nothing at `path`, or only the empty file on which namespaces are mounted: Docker makes that before,
 * and leaves it for a while after. Never throws.
 */
export function isUnmounted(path: string): boolean {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats === undefined) return true;
    return stats.isFile() && stats.size === 0 && !SEEMINGLY_EMPTY.includes(statfsSync(path).type);
  } catch {
    return false;
  }
}

/** linux/magic.h: NSFS_MAGIC, PROC_SUPER_MAGIC. All files of these, namespaces too, are said to have no octets. */
const SEEMINGLY_EMPTY: readonly number[] = [0x6e736673, 0x9fa0];

function identityOf({ dev, ino }: Stats): string {
  return `${dev}:${ino}`;
}
