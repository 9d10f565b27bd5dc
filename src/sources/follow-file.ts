import type { Clock } from "../base/clock.ts";
import { type FileContent, fileContent } from "./file-content.ts";
import { type Watch, watchDirectories } from "./follow-directories.ts";

export interface FollowOptions {
  readonly path: string;
  /** Called with each new content once it has settled, and with its absence. Must not throw. */
  readonly onChange: (content: FileContent) => void;
  readonly clock: Clock;
  /** A content counts when two readings this far apart agree: nobody is in the middle of writing it. */
  readonly settleMs?: number;
  /** How often to look without being told to. */
  readonly pollMs?: number;
  readonly watch?: Watch;
}

export interface Follower {
  /** What was there at first; `onChange` tells only of what differs from it. */
  readonly content: FileContent;
  /** Reads now, without waiting for it to settle; `onChange` tells only of what differs from this. */
  read(): Promise<FileContent>;
  /** No call of `onChange` follows. */
  close(): void;
}

/**
 * Calls back whenever the content of the file at a path changes: written in place, replaced by a rename, reached
 * over a link that now leads elsewhere, deleted and back, along with its folder or alone. Only contents are
 * compared, so touching a file changes nothing. Folders are watched to be quick; where that cannot be had (inotify
 * is used up, or a network file system) the poll alone sees changes. Keeps no process alive.
 */
export async function followFile(options: FollowOptions): Promise<Follower> {
  const { path, onChange, clock, settleMs = 30, pollMs = 1000 } = options;
  const readContent = fileContent(path, clock);
  const directories = watchDirectories(path, onEvent, options.watch);
  let candidate: FileContent | undefined;
  // The first reading is a look, too: an event before its end must not start another.
  let looking = true;
  let missedEvent = false;
  let lastLook = Number.NEGATIVE_INFINITY;
  let closed = false;
  let cancelLook: (() => void) | undefined;
  let cancelPoll: (() => void) | undefined;

  // Watches come before the first reading, so nothing falls between the two.
  await directories.arm();
  const content = await readContent();
  let delivered = content;
  looking = false;
  if (missedEvent) lookLater();
  poll();

  /** A busy folder (/tmp) makes events by the thousand: the file is read at most once each `settleMs`. */
  function onEvent(): void {
    if (looking) missedEvent = true;
    else if (cancelLook === undefined) {
      if (clock.now() - lastLook >= settleMs) void look();
      else lookLater();
    }
  }

  function lookLater(): void {
    cancelLook ??= clock.after(settleMs, () => {
      cancelLook = undefined;
      void look();
    });
  }

  function poll(): void {
    cancelPoll = clock.after(pollMs, () => {
      poll();
      if (cancelLook === undefined) void look();
    });
  }

  async function look(): Promise<void> {
    if (closed || looking) return;
    looking = true;
    missedEvent = false;
    await directories.arm();
    const found = await readContent();
    looking = false;
    lastLook = clock.now();
    if (closed) return;
    if (same(found, delivered)) {
      candidate = undefined;
    } else if (candidate !== undefined && same(found, candidate)) {
      candidate = undefined;
      delivered = found;
      onChange(found);
    } else {
      candidate = found;
    }
    // Whatever happened while the file was being read may have come too late for that reading.
    if (candidate !== undefined || missedEvent) lookLater();
  }

  return {
    content,
    async read() {
      delivered = await readContent();
      return delivered;
    },
    close() {
      closed = true;
      cancelLook?.();
      cancelPoll?.();
      directories.close();
    },
  };
}

function same(a: FileContent, b: FileContent): boolean {
  return a.text === b.text && a.reason === b.reason;
}
