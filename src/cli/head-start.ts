import { readdirSync, writeFileSync } from "node:fs";
import { getPriority, setPriority } from "node:os";

/** As nice has it, -20 to 19: above all that has no priority of its own. */
const FIRST = -15;

/**
 * Puts this process before others on its processors, until the function that it gives is called. A start is a fifth of
 * a second of work; where a score of busy containers have their turns before each of ours, it takes seconds. Nothing
 * happens where that is not permitted (no CAP_SYS_NICE), or where somebody has given us a priority already.
 *
 * Where each control group has its share of the processors, priorities count for nothing outside our own: there it is
 * for the service manager to say (packaging/).
 */
export function headStart(): () => void {
  if (getPriority() !== 0) return () => {};
  prioritize(FIRST);
  return () => prioritize(0);
}

/** Each thread has its own priority, which counts within the session, and the session has one (sched(7), autogroup). */
function prioritize(priority: number): void {
  for (const thread of threads()) ifPermitted(() => setPriority(Number(thread), priority));
  ifPermitted(() => writeFileSync("/proc/self/autogroup", String(priority)));
}

function threads(): string[] {
  return ifPermitted(() => readdirSync("/proc/self/task")) ?? [];
}

function ifPermitted<T>(act: () => T): T | undefined {
  try {
    return act();
  } catch {
    return undefined;
  }
}
