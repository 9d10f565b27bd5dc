import { readFileSync } from "node:fs";

/** Of `utime` and `stime` in /proc/PID/stat: the kernel tells user space hundredths of a second (proc(5), USER_HZ). */
const TICKS_PER_SECOND = 100;
/** Of the fields behind the command's name in brackets, counted from 0. */
const UTIME = 11;
const STIME = 12;

/** CPU that these processes have used since they began, all threads, in user space and in the kernel. */
export function cpuSeconds(pids: readonly number[]): number {
  const ticks = pids.map((pid) => {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return Number(fields[UTIME]) + Number(fields[STIME]);
  });
  return sum(ticks) / TICKS_PER_SECOND;
}

export interface Memory {
  /** Resident now, and at most since the process began. */
  readonly rssMib: number;
  readonly peakMib: number;
}

export function memory(pids: readonly number[]): Memory {
  const kib = (pid: number, key: string): number =>
    Number(new RegExp(`^${key}:\\s+(\\d+)`, "m").exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0);
  const mib = (key: string): number => sum(pids.map((pid) => kib(pid, key))) / 1024;
  return { rssMib: mib("VmRSS"), peakMib: mib("VmHWM") };
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
