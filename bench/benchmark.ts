import type { World } from "../test/support/world.ts";
import type { Place } from "./peers/peer.ts";

/** A question about cost that is answered by measuring. */
export interface Benchmark {
  readonly name: string;
  /** One line: what it compares. */
  readonly summary: string;
  /** It goes by its own counts, not by `rounds` and `seconds`, so these are not told with its results. */
  readonly isByCount?: true;
  /** Why it can't run here, with the Debian package that has what is missing; undefined if it can. */
  missing(): string | undefined;
  /** Markdown: what was seen. */
  run(run: Run): Promise<string>;
}

export interface Run {
  /** Namespaces of our own; the benchmark's servers run in that of the host. */
  readonly world: World;
  readonly place: Place;
  readonly rounds: number;
  /** For which each server is under load in each round. */
  readonly seconds: number;
  /** To try it out: much less of everything, and numbers that are worth nothing. */
  readonly isQuick: boolean;
  /** Tells the person who waits. */
  say(text: string): void;
}
