import type { Clock } from "../base/clock.ts";
import type { Way } from "../base/flow.ts";
import type { Line } from "./flows.ts";

/** Sockets between two questions to the same server. */
export interface RestingLines {
  /** One that may be used again. */
  take(way: Way): Line | undefined;
  /** False if it is not to be used again. */
  put(line: Line): boolean;
  /** Releases all that rest; from then on none does. */
  close(): void;
}

/**
 * A port serves one question after the other for so long. That is too short for a port that somebody found to be worth
 * much: a question that is not answered leaves its own open for longer (decision 15).
 */
export const LINE_MS = 100;
/** More than that are not in use at a time, but in a burst. */
const MAX = 1024;

/** `release` closes what was put here, and not taken, soon after its time is over. */
export function restingLines(options: {
  readonly release: (line: Line) => void;
  readonly clock: Clock;
}): RestingLines {
  const { release, clock } = options;
  const byWay = new Map<Way, Line[]>();
  let count = 0;
  let isSweepDue = false;
  let isClosed = false;

  const isOver = ({ since }: Line, now: number): boolean => isClosed || now - since >= LINE_MS;

  function sweep(): void {
    isSweepDue = false;
    const now = clock.now();
    for (const [way, lines] of byWay) {
      const left = lines.filter((line) => !isOver(line, now));
      for (const line of lines) if (isOver(line, now)) release(line);
      count -= lines.length - left.length;
      if (left.length === 0) byWay.delete(way);
      else byWay.set(way, left);
    }
    sweepLater();
  }

  function sweepLater(): void {
    if (isSweepDue || byWay.size === 0) return;
    isSweepDue = true;
    clock.after(LINE_MS, sweep);
  }

  return {
    take(way) {
      const line = byWay.get(way)?.pop();
      if (line === undefined) return undefined;
      count -= 1;
      if (!isOver(line, clock.now())) return line;
      release(line);
      return undefined;
    },
    put(line) {
      if (count >= MAX || isOver(line, clock.now())) return false;
      const lines = byWay.get(line.way);
      if (lines === undefined) byWay.set(line.way, [line]);
      else lines.push(line);
      count += 1;
      sweepLater();
      return true;
    },
    close() {
      isClosed = true;
      sweep();
    },
  };
}
