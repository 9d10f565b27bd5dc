import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";

// Of sys/ptrace.h, the same on x64 and arm64.
const PTRACE_DETACH = 17;
const PTRACE_SEIZE = 0x4206;
const PTRACE_INTERRUPT = 0x4207;
/** Of sys/wait.h: also threads that are no children in the usual sense. */
const WALL = 0x40000000;

type Ptrace = (request: number, pid: number, address: number, data: number) => number;

/** How often the threads are looked at: one that answers a storm is seen waiting every other time. */
const LOOKS = 200;

/** The thread of this process that waits for queries: of all its threads, the one that sits in epoll_wait by koffi. */
export function dataPlaneThread(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`).map(Number);
  const waiting = new Set<number>();
  for (let look = 0; look < LOOKS; look++)
    for (const thread of threads)
      if (thread !== pid && /epoll|ep_poll/.test(readFileSync(`/proc/${pid}/task/${thread}/wchan`, "utf8")))
        waiting.add(thread);
  // Node gives its workers no name of their own, and has a thread that waits so, too; ours was started later.
  if (waiting.size === 0) throw new Error(`none of the threads of ${pid} waits`);
  return [...waiting].sort((one, other) => startTime(other) - startTime(one))[0]!;

  /** In clock ticks (proc(5)); numbers of threads begin anew at some time. */
  function startTime(thread: number): number {
    const stat = readFileSync(`/proc/${pid}/task/${thread}/stat`, "utf8");
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[22 - 3]);
  }
}

/** Stops one thread of a process and no other, as a fault in it would; `resume` lets it go on. */
export function stopThread(thread: number): { resume(): void } {
  const koffi: typeof import("koffi") = createRequire(import.meta.url)("koffi");
  const library = koffi.load(null);
  const ptrace: Ptrace = library.func(
    "long ptrace(long request, long pid, uintptr_t address, uintptr_t data)",
  );
  const waitpid: (pid: number, status: Int32Array, options: number) => number = library.func(
    "int waitpid(int pid, void *status, int options)",
  );
  const done = (what: string, result: number): void => {
    if (result === -1) throw new Error(`${what} of thread ${thread}: errno ${koffi.errno()}`);
  };
  done("seize", ptrace(PTRACE_SEIZE, thread, 0, 0));
  done("interrupt", ptrace(PTRACE_INTERRUPT, thread, 0, 0));
  done("wait", waitpid(thread, new Int32Array(new ArrayBuffer(128)), WALL));
  return { resume: () => done("detach", ptrace(PTRACE_DETACH, thread, 0, 0)) };
}
