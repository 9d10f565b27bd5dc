import { readFileSync, readlinkSync, statfsSync } from "node:fs";

/** A process that can't be mistaken for a later one of the same number. */
export interface Init {
  readonly pid: number;
  /** In clock ticks since boot: field 22 of /proc/PID/stat. */
  readonly startTime: string;
}

/** What this machine knows of the engine's containers without asking the engine. */
export interface Processes {
  /**
   * The process, if it is one of this machine and belongs to a container of one of these ids. An engine elsewhere (by
   * TCP, by ssh, in a virtual machine, in a namespace of process ids) tells numbers that mean something else here.
   */
  identify(pid: number, ids: readonly string[]): Init | undefined;
  /** Also if that can't be told. */
  isAlive(init: Init): boolean;
  /** Cheaper, a single system call: but one that waits to be reaped, or whose number is another's by now, is not gone. */
  isGone(init: Init): boolean;
  /** Whether the path is a namespace, and not the empty file that it was mounted on elsewhere. */
  isNamespace(path: string): boolean;
  /**
   * Whether the process is in the network namespace of this machine's first process, or in our own: whoever lives there
   * has the host's network.
   */
  isInHosts(pid: number): boolean;
}

/** linux/magic.h: NSFS_MAGIC. */
const NSFS = 0x6e736673;

/**
 * A container's control group is called by its id, whichever driver made it and wherever we see it from. A rootless
 * engine makes none on cgroup v1; but it mounts files out of a folder called by the id of the one whose network it is.
 */
const NAMING_ITS_CONTAINER = ["cgroup", "mountinfo"] as const;

export const processes: Processes = {
  identify(pid, ids) {
    try {
      if (!NAMING_ITS_CONTAINER.some((file) => names(read(`/proc/${pid}/${file}`), ids))) return undefined;
      const startTime = startTimeOf(pid);
      return startTime === undefined ? undefined : { pid, startTime };
    } catch {
      return undefined;
    }
  },
  isAlive({ pid, startTime }) {
    try {
      return startTimeOf(pid) === startTime;
    } catch {
      // Out of descriptors, we would take every container for dead.
      return true;
    }
  },
  isGone({ pid }) {
    try {
      process.kill(pid, 0);
      return false;
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === "ESRCH";
    }
  },
  isNamespace(path) {
    try {
      return statfsSync(path).type === NSFS;
    } catch {
      return false;
    }
  },
  isInHosts(pid) {
    const its = networkOf(pid);
    return its !== undefined && (its === networkOf(1) || its === networkOf("self"));
  },
};

/** Wherever in the text: an id is 64 digits, which nothing else has by chance. */
function names(text: string, ids: readonly string[]): boolean {
  return ids.some((id) => text.includes(id));
}

/** `net:[4026531840]`; undefined if we may not know, or it has ended. */
function networkOf(pid: number | "self"): string | undefined {
  try {
    return readlinkSync(`/proc/${pid}/ns/net`);
  } catch {
    return undefined;
  }
}

/**
 * proc(5). The second field may hold anything, so it is counted from its end. Undefined for one that has ended; throws
 * as `read` does.
 */
function startTimeOf(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`);
  const [state, ...rest] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return state === "Z" || state === "X" ? undefined : rest[FIELDS_FROM_PARENT_TO_START];
}

/** Field 4 is the first of `rest`. */
const FIELDS_FROM_PARENT_TO_START = 22 - 4;

/** A file of a process; empty if it has ended. Throws a system error if that can't be told. */
function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    // ESRCH: it has ended since the file was opened.
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}
