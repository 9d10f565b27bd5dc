import { closeSync } from "node:fs";
import { libc } from "./libc.ts";

/**
 * Descriptors from here on are let go of first when a process ends: Linux goes from the highest to the lowest
 * (`task_work_run`, since 4.3), and waits some 10 ms at each netlink socket that owns a table.
 */
const FIRST_TO_GO = 4096;

/** The same descriptor under a higher number, where this process may have such: for what must not wait for the rest. */
export function firstToGo(low: number): number {
  try {
    const high = libc().duplicate(low, FIRST_TO_GO);
    closeSync(low);
    return high;
  } catch {
    return low;
  }
}
