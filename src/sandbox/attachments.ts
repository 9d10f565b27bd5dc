import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { errnoName } from "../linux/libc.ts";
import { type Namespace, namespaceSupport } from "../linux/namespace.ts";
import { attachFailure, type Serve } from "./attachment.ts";
import { type AttachmentStatus, changed } from "./attachment-status.ts";
import { directoryWatch } from "./directory-watch.ts";
import { type Hold, tenancy } from "./tenancy.ts";

/**
 * How often attached namespaces are looked after and kept ours (several times within `ALIVE_MS`), and the others tried
 * again.
 */
export const RECHECK_MS = 500;

/**
 * Whose 127.0.0.11:53 we answer. Containers in one namespace (`docker run --network container:web-1`) have one
 * 127.0.0.11: the first attached answers for all, and when it goes, the next one does.
 */
export interface Attachments {
  /** Brings the attached set to what is wanted: now as far as it goes, the rest as soon as it can be. */
  reconcile(wanted: ReadonlyMap<string, { readonly name: string; readonly netns: string }>): void;
  /** Lets go of namespaces that went away, and tries again what is not attached. Happens by itself, too. */
  recheck(): void;
  /** In the order in which they were first wanted. */
  status(): AttachmentStatus[];
  /** While attached; it stays the manager's, and is closed when it is no longer. */
  namespaceOf(sandbox: string): Namespace | undefined;
  /** Hands everything back; resolves when the last query in flight is answered. */
  close(): Promise<void>;
}

interface Entry {
  readonly netns: string;
  status: AttachmentStatus;
  hold?: Hold | undefined;
  /** What the last attempt threw: the same error again is no news. */
  failure?: string | undefined;
}

/** Never throws because of a container: what can't be attached is in `status`, and once in the log. */
export function attachments(options: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly serve: Serve;
}): Attachments {
  const { clock, log, serve } = options;
  const entries = new Map<string, Entry>();
  const tenants = tenancy({ serve, log, freed: recheck });
  const watch = directoryWatch({ clock, changed: recheck });
  let unsupported: string | undefined;
  let closed = false;
  let cancelTimer = clock.after(RECHECK_MS, tick);

  function tick(): void {
    beat();
    recheck();
    cancelTimer = clock.after(RECHECK_MS, tick);
  }

  function beat(): void {
    for (const entry of entries.values()) {
      if (entry.hold?.serving?.beat() ?? true) continue;
      release(entry);
      log.warn(entry.status, "a container's 127.0.0.11 was taken from us");
    }
  }

  function reconcile(wanted: Parameters<Attachments["reconcile"]>[0]): void {
    if (closed) return;
    for (const [sandbox, entry] of entries) {
      if (wanted.get(sandbox)?.netns === entry.netns) continue;
      release(entry);
      entries.delete(sandbox);
    }
    for (const [sandbox, { name, netns }] of wanted) {
      const entry = entries.get(sandbox);
      if (entry !== undefined) entry.status = { ...entry.status, name };
      else entries.set(sandbox, { netns, status: { sandbox, name, state: "waiting", since: now() } });
    }
    watch.set(Array.from(wanted.values(), ({ netns }) => netns));
    recheck();
  }

  function recheck(): void {
    if (closed) return;
    for (const entry of entries.values()) {
      if (entry.hold === undefined || entry.hold.namespace.isCurrent()) continue;
      release(entry);
      become(entry, absent(entry));
      log.debug(entry.status, "let go of a network namespace that went away");
    }
    const open = [...entries.values()].filter(isOpen);
    const support = namespaceSupport();
    if (!support.ok) refuse(open, support.why);
    else for (const entry of open) attempt(entry);
  }

  /** One that shares is left without an answer when the one that answered for it goes. */
  function isOpen({ hold }: Entry): boolean {
    return hold === undefined || tenants.tenantOf(hold) === undefined;
  }

  function attempt(entry: Entry): void {
    release(entry);
    const { sandbox } = entry.status;
    try {
      const hold = tenants.take(sandbox, entry.netns);
      entry.failure = undefined;
      if (hold === "leaving") {
        become(entry, { state: "waiting", reason: "its network namespace is just being handed back" });
        return;
      }
      entry.hold = hold;
      const tenant = tenants.tenantOf(hold) ?? sandbox;
      become(
        entry,
        tenant === sandbox ? { state: "attached" } : sharing(entries.get(tenant)?.status.name ?? tenant),
      );
      log.info(entry.status, "attached a container");
      const bare = hold.serving?.bare;
      if (bare !== undefined) log.debug({ ...entry.status, reason: bare }, "does without an nftables table");
    } catch (error) {
      if (entry.failure !== messageOf(error)) fail(entry, error);
      entry.failure = messageOf(error);
    }
  }

  function fail(entry: Entry, cause: unknown): void {
    const early = tooEarly(entry, errnoName(cause));
    if (early !== undefined) {
      if (become(entry, early)) log.info(entry.status, "waiting for a container's network namespace");
      return;
    }
    const { message, remedy } = attachFailure(cause, entry.status.name, entry.netns);
    become(entry, { state: "failed", reason: message, remedy });
    log.warn(entry.status, "can't attach a container");
  }

  function refuse(open: readonly Entry[], why: string): void {
    for (const entry of open) {
      become(entry, { state: "failed", reason: `Cannot enter network namespaces: ${why}` });
      entry.failure = undefined;
    }
    if (unsupported === why || open.length === 0) return;
    unsupported = why;
    log.warn({ reason: why, containers: open.length }, "can't attach any container");
  }

  function release(entry: Entry): void {
    if (entry.hold !== undefined) tenants.release(entry.hold);
    entry.hold = undefined;
  }

  const now = (): string => new Date(clock.wall()).toISOString();

  /** Returns whether that is news. */
  function become(entry: Entry, change: Parameters<typeof changed>[1]): boolean {
    const before = entry.status;
    entry.status = changed(before, change, now());
    return entry.status !== before;
  }

  async function close(): Promise<void> {
    closed = true;
    cancelTimer();
    watch.close();
    for (const entry of entries.values()) release(entry);
    entries.clear();
    await tenants.settled();
  }

  return {
    reconcile,
    recheck,
    status: () => [...entries.values()].map(({ status }) => status),
    namespaceOf: (sandbox) => entries.get(sandbox)?.hold?.namespace,
    close,
  };
}

/** What is no failure yet: a container that is just starting looks like this. */
function tooEarly(entry: Entry, errno: string | undefined) {
  if (errno === "ENOENT") return absent(entry);
  if (errno !== "EADDRNOTAVAIL" && errno !== "ENETUNREACH") return undefined;
  return { state: "waiting", reason: `lo is down in the network namespace ${entry.netns}` } as const;
}

function absent({ netns }: Entry) {
  return { state: "waiting", reason: `there is no network namespace ${netns}` } as const;
}

function sharing(tenant: string) {
  return {
    state: "attached",
    reason: `shares the network namespace of ${tenant}, whose view it gets`,
  } as const;
}
