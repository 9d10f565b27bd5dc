import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Attachment } from "./attachment.ts";
import { ALIVE_MS } from "./takeover-table.ts";

/**
 * After so long no answer to a query that went to Docker's resolver is still to come: it waits four seconds for each of
 * three servers at most (observed with Docker 26 and 28; 20.10 gives no answer then).
 */
export const FORMER_MS = 15_000;

/** What all that leave between two beats may take: the end of the program has two seconds. */
export const LEAVING_MS = 500;

/**
 * When what connection tracking remembers of who answered before us can be forgotten: once for each attachment,
 * `FORMER_MS` after its queries came to be ours, since nothing is tracked from then on; what nobody can answer any more
 * before that.
 */
export interface FormerAnswers {
  add(attachment: Attachment): void;
  /**
   * To be called before it is handed back. If that is before its turn, a client that asked dockerd before a restart
   * would be refused again: what nobody can answer any more is forgotten now, for as many as there is time for.
   */
  leave(attachment: Attachment): void;
  /** To be called after each beat. Forgets those of one attachment at most: it takes some 25 ms. */
  beat(): void;
}

export function formerAnswers({ clock, log }: { clock: Clock; log: Logger }): FormerAnswers {
  /** Since when its queries are ours; undefined where all is forgotten. */
  const ours = new Map<Attachment, number | undefined>();
  /** Those where it was not looked yet for what nobody can answer any more, from before us. */
  const unlooked = new Set<Attachment>();
  let lastBeat = clock.now();
  let leavingMs = 0;

  function beat(): void {
    const now = clock.now();
    // We hung, and queries went the former way meanwhile.
    if (now - lastBeat >= ALIVE_MS) {
      for (const attachment of ours.keys()) ours.set(attachment, now);
    }
    lastBeat = now;
    leavingMs = 0;
    for (const [attachment, since] of ours) {
      if (since === undefined || now - since < FORMER_MS) continue;
      ours.set(attachment, undefined);
      unlooked.delete(attachment);
      tried(() => attachment.forgetFormer());
      return;
    }
    const [next] = unlooked;
    if (next === undefined) return;
    unlooked.delete(next);
    tried(() => next.forgetGone());
  }

  function tried(forget: () => void): void {
    try {
      forget();
    } catch (error) {
      log.debug({ reason: messageOf(error) }, "connection tracking keeps what came before us");
    }
  }

  return {
    add(attachment) {
      ours.set(attachment, clock.now());
      unlooked.add(attachment);
    },
    leave(attachment) {
      const begin = clock.now();
      if (ours.get(attachment) !== undefined && leavingMs < LEAVING_MS) tried(() => attachment.forgetGone());
      leavingMs += clock.now() - begin;
      ours.delete(attachment);
      unlooked.delete(attachment);
    },
    beat,
  };
}
