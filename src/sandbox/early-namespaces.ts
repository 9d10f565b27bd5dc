import { join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { errnoName } from "../linux/libc.ts";
import { type Newcomers, newcomers } from "./newcomers.ts";

/** What Docker calls the namespaces of containers; others (`default`, which is the host's, `ingress_sbox`) are no business of ours. */
const NAME = /^[0-9a-f]{12}$/;
/** From its file to its namespace to its `lo`, Docker takes a few of these. */
const RETRY_MS = 5;
/** Then it is not going to be one. */
const GIVE_UP_MS = 2000;
const NOT_READY: ReadonlySet<string | undefined> = new Set(["EINVAL", "ENETUNREACH", "EADDRNOTAVAIL"]);

/** Takes network namespaces as soon as an engine has made them, some 100 ms before anything runs in them. */
export interface EarlyNamespaces {
  /**
   * The directories to watch; an engine makes its own with its first namespace. One that can't be watched is passed
   * over, and tried again at the next call.
   */
  set(directories: Iterable<string>): void;
  close(): void;
}

export function earlyNamespaces(options: {
  readonly clock: Clock;
  readonly log: Logger;
  /** Throws a CodedError with a system error for its cause. */
  readonly take: (netns: string) => void;
}): EarlyNamespaces {
  const { clock, log, take } = options;
  const watchers = new Map<string, Newcomers>();
  const pending = new Map<string, () => void>();

  function appeared(netns: string): void {
    if (!pending.has(netns)) attempt(netns, clock.now() + GIVE_UP_MS);
  }

  function attempt(netns: string, deadline: number): void {
    pending.delete(netns);
    try {
      take(netns);
    } catch (error) {
      if (NOT_READY.has(errnoName(error)) && clock.now() < deadline) {
        pending.set(
          netns,
          clock.after(RETRY_MS, () => attempt(netns, deadline)),
        );
      } else if (errnoName(error) !== "ENOENT") {
        // Its source will tell of it, and then it is tried again and said aloud.
        log.debug({ netns, reason: messageOf(error) }, "can't attach a namespace before it is known");
      }
    }
  }

  function set(directories: Iterable<string>): void {
    const wanted = new Set(directories);
    for (const [directory, watcher] of watchers) {
      if (wanted.has(directory)) continue;
      watcher.close();
      watchers.delete(directory);
    }
    for (const directory of wanted) {
      const watcher =
        watchers.get(directory) ??
        newcomers(directory, (name) => {
          if (NAME.test(name)) appeared(join(directory, name));
        });
      watchers.set(directory, watcher);
      watcher.look();
    }
  }

  function close(): void {
    set([]);
    for (const cancel of pending.values()) cancel();
    pending.clear();
  }

  return { set, close };
}
