import { readdirSync, readFileSync, readlinkSync, readSync } from "node:fs";
import { posix } from "node:path";
import { identityAt, withFileBelow } from "../linux/foreign-files.ts";

/** What the libc in a container goes by. */
export interface StubFiles {
  readonly resolvConf: string;
  /** Undefined if it can't be read. */
  readonly hosts: string | undefined;
  /** Undefined if that can't be seen. */
  readonly libc: "glibc" | "musl" | undefined;
  /** Where that was read. */
  readonly from: string;
}

/** More than any libc reads. */
const MAX_OCTETS = 64 * 1024;

/**
 * The files of the container in this namespace, as one of its processes sees them; else, for a container of Docker's,
 * the resolv.conf that the engine mounts there. `why` says why there are none. Never throws.
 *
 * @param proc `/proc`; @param engine where Docker keeps its containers' folders.
 */
export function stubFiles(
  { netns, id }: { readonly netns?: string; readonly id?: string },
  { proc = "/proc", engine = "/var/lib/docker/containers" } = {},
): StubFiles | { readonly why: string } {
  const found =
    netns === undefined
      ? { why: "it does not run, or its source does not say where" }
      : processIn(netns, proc);
  if ("pid" in found) {
    const root = `${proc}/${found.pid}/root`;
    const resolvConf = readIn(root, "/etc/resolv.conf");
    if (resolvConf !== undefined) {
      const from = `/etc/resolv.conf of process ${found.pid}`;
      return { resolvConf, hosts: readIn(root, "/etc/hosts"), libc: libcOf(`${proc}/${found.pid}`), from };
    }
  }
  const mounted = id === undefined ? undefined : readIn(`${engine}/${id}`, "/resolv.conf");
  if (mounted !== undefined)
    return { resolvConf: mounted, hosts: undefined, libc: undefined, from: `${engine}/${id}/resolv.conf` };
  return {
    why: "pid" in found ? `process ${found.pid} has no /etc/resolv.conf that can be read` : found.why,
  };
}

/**
 * A process whose network is this namespace: rather one with a file system of its own, which somebody who has only
 * looked in from outside has not; of several the first.
 */
function processIn(netns: string, proc: string): { pid: number } | { why: string } {
  const wanted = identityAt(netns);
  if (wanted === undefined) return { why: `${netns} is not there` };
  const ownMounts = identityAt(`${proc}/self/ns/mnt`);
  const pids = readdirSync(proc)
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);
  const known = pids.map((pid) => ({ pid, net: identityAt(`${proc}/${pid}/ns/net`) }));
  const inside = known.filter(({ net }) => net === wanted).map(({ pid }) => pid);
  const pid = inside.find((each) => identityAt(`${proc}/${each}/ns/mnt`) !== ownMounts) ?? inside[0];
  if (pid !== undefined) return { pid };
  const hidden = known.filter(({ net }) => net === undefined).length;
  const why = `no process runs in ${netns}`;
  return {
    why: hidden === 0 ? why : `${why}, as far as this daemon may see (${hidden} need CAP_SYS_PTRACE)`,
  };
}

/**
 * A file below a root that others fill: a link is followed once, and stays below; what is no plain file is not read
 * (one that nobody writes to would never end).
 */
function readIn(root: string, path: string): string | undefined {
  try {
    return read(root, path);
  } catch (error) {
    // What O_NOFOLLOW says of a link.
    if ((error as NodeJS.ErrnoException).code !== "ELOOP") return undefined;
  }
  try {
    return read(root, posix.resolve(posix.dirname(path), readlinkSync(root + path)));
  } catch {
    return undefined;
  }
}

function read(root: string, path: string): string | undefined {
  return withFileBelow(root, path, (fd) => {
    const octets = Buffer.alloc(MAX_OCTETS);
    return octets.toString("utf8", 0, readSync(fd, octets));
  });
}

/**
 * The libc that a process (`/proc/PID`) has mapped, for an image may have both; for a static program, the one that is
 * installed beside it.
 */
export function libcOf(process: string): StubFiles["libc"] {
  try {
    const mapped = readFileSync(`${process}/maps`, "utf8");
    if (/\/(?:ld-musl-|libc\.musl-)/.test(mapped)) return "musl";
    if (/\/libc(?:\.so\.6|-2\.\d+\.so)$/m.test(mapped)) return "glibc";
    // Its dynamic linker is called by its name.
    return readdirSync(`${process}/root/lib`).some((name) => name.startsWith("ld-musl-")) ? "musl" : "glibc";
  } catch {
    return undefined;
  }
}
