import { writeFileSync } from "node:fs";
import { fileSource, hosts } from "./zone.ts";

/** Containers that all get another address with each writing of their file. */
const CONTAINERS = 10;
/** Blocks of addresses, one after the other: none that another file of the benchmark has. */
const FIRST_BLOCK = 100;
const BLOCKS = 100;

const text = (writing: number): string =>
  fileSource(hosts(CONTAINERS, "moving", FIRST_BLOCK + (writing % BLOCKS)));

/** A small file source whose names keep moving: an engine on which containers come and go. */
export const changes = {
  /** How many names move with one revision of the registry. */
  perRevision: CONTAINERS,

  first: (): string => text(0),

  /** So many names a second, some at a time: a file counts only once it has stood still for a while. */
  start(path: string, perSecond: number): { stop(): void } {
    let writing = 0;
    const timer = setInterval(() => writeFileSync(path, text(++writing)), (1000 * CONTAINERS) / perSecond);
    return { stop: () => clearInterval(timer) };
  },
};
