import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { type Namespace, openNamespace } from "../linux/namespace.ts";
import { type Attachment, attach, type Serve } from "./attachment.ts";
import { formerAnswers } from "./former-answers.ts";

/**
 * How long a query waits until a source tells whose namespace it comes from. Sources tell within 50 ms of the start of
 * a container, whose namespace is older; libc asks again after five seconds.
 */
export const UNKNOWN_MS = 2000;
/** So many queries of one namespace wait at most: they are kept meanwhile, and can be 64 KiB each. */
export const UNKNOWN_MAX = 1000;

/** A namespace that one sandbox lives in, and where we answer: for it, or for who came before it. */
export interface Hold {
  readonly sandbox: string;
  /** Of the namespace, whatever its path is by now. */
  readonly identity: string;
}

/** What is known of a namespace that nobody has claimed. */
export interface Early {
  /** Somebody is there to tell whose it is, within moments. */
  readonly isExpected: (netns: string) => boolean;
  /** The sandbox whose namespace it is, where it is not to be attached. */
  readonly unwanted: (netns: string) => string | undefined;
}

/**
 * Who answers in which namespace. There is one 127.0.0.11:53 in a namespace, however many containers live in it: the
 * first is the tenant, and when it goes the next one is, without a gap. A namespace may be ours before it is known
 * whose it is; then its queries wait.
 */
export interface Tenancy {
  /**
   * Opens the namespace and answers in it, or shares it if somebody else of ours does. `leaving` if the last queries
   * are still being answered there: try again after `freed`. Throws as `openNamespace` and `attach` do, and holds
   * nothing then.
   */
  take(sandbox: string, netns: string): Hold | "leaving";
  /** Answers in a namespace of which nobody has told us yet. Throws like `take`. */
  takeEarly(netns: string): void;
  /**
   * Lets go of those that nobody has claimed: all that went away, that are not expected any more, and those of a
   * sandbox that is not to be attached, on whose behalf the queries that have come are answered.
   */
  recheckEarly(early: Early): void;
  /** The sandbox that answers in the namespace of this hold; undefined once we don't answer there any more. */
  tenantOf(hold: Hold): string | undefined;
  /** What was served is closed in its own time if nobody else lives there, and the namespace after it. */
  release(hold: Hold): void;
  /** Keeps all that is ours, see `Takeover`. What is ours no more is left. */
  beat(): void;
  /** Leaves everything; resolves when all is closed. */
  close(): Promise<void>;
}

interface Place {
  readonly namespace: Namespace;
  readonly attachment: Attachment;
  readonly holds: Set<Hold>;
  /** Who was known last: for queries that are still under way when nobody is left. */
  tenant: string | undefined;
  readonly waiting: Set<(tenant: string | undefined) => void>;
}

export function tenancy(options: {
  readonly serve: Serve;
  readonly clock: Clock;
  readonly log: Logger;
  /** A namespace for which `take` said `leaving` can be taken. */
  readonly freed: () => void;
}): Tenancy {
  const { serve, clock, log, freed } = options;
  // All by the identity of the namespace.
  const places = new Map<string, Place>();
  const leaving = new Map<string, Promise<void>>();
  const awaited = new Set<string>();
  const former = formerAnswers({ clock, log });

  function take(sandbox: string, netns: string): Hold | "leaving" {
    const opened = openNamespace(netns);
    const { identity } = opened;
    if (leaving.has(identity)) {
      awaited.add(identity);
      opened.close();
      return "leaving";
    }
    const place = places.get(identity) ?? settle(opened, sandbox);
    if (place.namespace !== opened) opened.close();
    const hold = { sandbox, identity };
    place.holds.add(hold);
    if (place.holds.size === 1) become(place, sandbox);
    return hold;
  }

  function takeEarly(netns: string): void {
    const opened = openNamespace(netns);
    if (places.has(opened.identity) || leaving.has(opened.identity)) opened.close();
    else settle(opened, undefined);
  }

  function settle(namespace: Namespace, tenant: string | undefined): Place {
    try {
      const attachment = attach(namespace, tenant !== undefined, () => whoAsks(place), serve);
      const { bare } = attachment;
      if (bare !== undefined)
        log.debug({ netns: namespace.path, reason: bare }, "does without an nftables table");
      const place: Place = { namespace, attachment, holds: new Set(), tenant, waiting: new Set() };
      places.set(namespace.identity, place);
      former.add(attachment);
      return place;
    } catch (error) {
      namespace.close();
      throw error;
    }
  }

  function whoAsks(place: Place): string | Promise<string | undefined> {
    if (place.tenant !== undefined) return place.tenant;
    if (places.get(place.namespace.identity) !== place || place.waiting.size >= UNKNOWN_MAX)
      return Promise.resolve(undefined);
    return new Promise((resolve) => {
      const answer = (tenant: string | undefined): void => {
        cancel();
        place.waiting.delete(answer);
        resolve(tenant);
      };
      const cancel = clock.after(UNKNOWN_MS, () => {
        log.warn({ netns: place.namespace.path }, "no source tells whose network namespace this is");
        // Not ours, then: from now on who answered there before is asked.
        leave(place);
        answer(undefined);
      });
      place.waiting.add(answer);
    });
  }

  function become(place: Place, tenant: string | undefined): void {
    place.tenant = tenant;
    place.attachment.askerChanged();
    for (const answer of place.waiting) answer(tenant);
  }

  function release(hold: Hold): void {
    const place = places.get(hold.identity);
    if (place === undefined || !place.holds.delete(hold)) return;
    const [heir] = place.holds;
    if (heir === undefined) leave(place);
    else if (place.tenant === hold.sandbox) become(place, heir.sandbox);
  }

  function leave(place: Place): void {
    const { identity } = place.namespace;
    if (places.get(identity) !== place) return;
    places.delete(identity);
    former.leave(place.attachment);
    place.holds.clear();
    if (place.tenant === undefined) become(place, undefined);
    leaving.set(identity, closed(place));
  }

  async function closed({ namespace, attachment, tenant }: Place): Promise<void> {
    try {
      await attachment.close();
    } catch (error) {
      log.error({ sandbox: tenant, reason: messageOf(error) }, "a listener did not close as it should");
    }
    // Only now: the queries in flight may be asking upstreams from in there.
    namespace.close();
    leaving.delete(namespace.identity);
    if (awaited.delete(namespace.identity)) freed();
  }

  const placeOf = (hold: Hold): Place | undefined => {
    const place = places.get(hold.identity);
    return place?.holds.has(hold) ? place : undefined;
  };

  return {
    take,
    takeEarly,
    recheckEarly({ isExpected, unwanted }) {
      for (const place of [...places.values()]) {
        if (place.holds.size > 0) continue;
        const { namespace } = place;
        const sandbox = unwanted(namespace.path);
        if (sandbox !== undefined) become(place, sandbox);
        if (sandbox !== undefined || !isExpected(namespace.path) || !namespace.isCurrent()) leave(place);
      }
    },
    tenantOf: (hold) => placeOf(hold)?.tenant,
    release,
    beat() {
      for (const place of [...places.values()]) {
        if (place.attachment.beat()) continue;
        log.warn({ netns: place.namespace.path }, "a container's 127.0.0.11 was taken from us");
        leave(place);
      }
      former.beat();
    },
    async close() {
      for (const place of [...places.values()]) leave(place);
      await Promise.all(leaving.values());
    },
  };
}
