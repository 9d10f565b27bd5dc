import { dirname } from "node:path";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { errnoName } from "../linux/libc.ts";
import { namespaceAt, namespaceSupport } from "../linux/namespace.ts";
import { CLOSE_GRACE_MS } from "../server/listener.ts";
import { attachFailure, type Serve } from "./attachment.ts";
import { type AttachmentStatus, absent, changed, sharing, tooEarly } from "./attachment-status.ts";
import { directoryWatch } from "./directory-watch.ts";
import { earlyNamespaces } from "./early-namespaces.ts";
import { settling } from "./settling.ts";
import { type Early, type Hold, tenancy } from "./tenancy.ts";

/**
 * How often attached namespaces are looked after and kept ours (several times within `ALIVE_MS`), and the others tried
 * again.
 */
export const RECHECK_MS = 500;
/** How long somebody waits to be told what came of it: handing back takes so long at most, and then it is tried again. */
export const SETTLE_MS = CLOSE_GRACE_MS + RECHECK_MS;

/**
 * Whose 127.0.0.11:53 we answer. Containers in one namespace (`docker run --network container:web-1`) have one
 * 127.0.0.11: the first attached answers for all, and when it goes, the next one does.
 */
export interface Attachments {
  /** Brings the attached set to what is wanted: now as far as it goes, the rest as soon as it can be. */
  reconcile(wanted: ReadonlyMap<string, { readonly name: string; readonly netns: string }>): void;
  /**
   * Attaches namespaces that appear in these directories before anybody tells of them; `unwanted` says whose it turned
   * out to be, if that is not to be attached. Replaces what was said before: what was attached for a directory that is
   * not among them any more, and is nobody's yet, is handed back.
   */
  expect(directories: Iterable<string>, unwanted: Early["unwanted"]): void;
  /** Lets go of namespaces that went away, and tries again what is not attached. Happens by itself, too. */
  recheck(): void;
  /** Resolves when what is wanted of the sandbox is `waiting` no longer, or after `SETTLE_MS`. */
  settled(sandbox: string): Promise<void>;
  /** In the order in which they were first wanted. */
  status(): AttachmentStatus[];
  /** Hands everything back; resolves when the last query in flight is answered. */
  close(): Promise<void>;
}

interface Entry {
  netns: string;
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
  /** Whether queries are answered at the moment: while they are not, all is handed back by itself. */
  readonly isServing?: () => boolean;
}): Attachments {
  const { clock, log, serve, isServing = () => true } = options;
  const entries = new Map<string, Entry>();
  const tenants = tenancy({ serve, clock, log, freed: recheck });
  const watch = directoryWatch({ clock, changed: recheck });
  const early = earlyNamespaces({ clock, log, take: tenants.takeEarly });
  let expected: Early = { isExpected: () => false, unwanted: () => undefined };
  let unsupported: string | undefined;
  let closed = false;
  let turn = 0;
  const waiting = settling({ clock, atMostMs: SETTLE_MS });
  let cancelTimer = clock.after(RECHECK_MS, tick);

  function tick(): void {
    if (isServing()) tenants.beat();
    recheck();
    cancelTimer = clock.after(RECHECK_MS, tick);
  }

  function reconcile(wanted: Parameters<Attachments["reconcile"]>[0]): void {
    if (closed) return;
    for (const [sandbox, entry] of entries) {
      const netns = wanted.get(sandbox)?.netns;
      if (netns === entry.netns) continue;
      // The namespace of one who shares it has another path when the one whose it was has gone.
      if (netns !== undefined && isAt(netns, entry.hold)) {
        entry.netns = netns;
        continue;
      }
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
      if (entry.hold === undefined || isAt(entry.netns, entry.hold)) continue;
      release(entry);
      become(entry, absent(entry.netns));
      log.debug(entry.status, "let go of a network namespace that went away");
    }
    tenants.recheckEarly(expected);
    const open = [...entries.values()].filter(isOpen);
    // The reason of one error may be another by now (who holds the port). Finding out takes its time, so one at a time.
    const failing = open.filter(({ failure }) => failure !== undefined);
    if (failing.length > 0) failing[turn++ % failing.length]!.failure = undefined;
    const support = namespaceSupport();
    if (!support.ok) refuse(open, support.why);
    else for (const entry of open) attempt(entry);
    for (const entry of entries.values()) if (entry.hold !== undefined) attached(entry, entry.hold);
    waiting.look();
  }

  function isAt(netns: string, hold: Hold | undefined): boolean {
    return hold !== undefined && namespaceAt(netns) === hold.identity;
  }

  /** One that has a hold is left without an answer when 127.0.0.11 was taken from us. */
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
      attached(entry, hold);
      log.info(entry.status, "attached a container");
    } catch (error) {
      if (entry.failure !== messageOf(error)) fail(entry, error);
      entry.failure = messageOf(error);
    }
  }

  /** Who answers where containers share a namespace may be another one than before. */
  function attached(entry: Entry, hold: Hold): void {
    const tenant = tenants.tenantOf(hold);
    if (tenant === undefined) return;
    const isTenant = tenant === entry.status.sandbox;
    become(entry, isTenant ? { state: "attached" } : sharing(entries.get(tenant)?.status.name ?? tenant));
  }

  function fail(entry: Entry, cause: unknown): void {
    const early = tooEarly(entry.netns, errnoName(cause));
    if (early !== undefined) {
      if (become(entry, early)) log.info(entry.status, "waiting for a container's network namespace");
      return;
    }
    const { message, remedy } = attachFailure(cause, entry.status.name, entry.netns);
    const isNews = become(entry, { state: "failed", reason: message, remedy });
    if (isNews) log.warn(entry.status, "can't attach a container");
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

  function expect(directories: Iterable<string>, unwanted: Early["unwanted"]): void {
    if (closed) return;
    const watched = new Set(directories);
    expected = { isExpected: (netns) => watched.has(dirname(netns)), unwanted };
    early.set(watched);
    tenants.recheckEarly(expected);
  }

  async function close(): Promise<void> {
    closed = true;
    cancelTimer();
    watch.close();
    early.close();
    entries.clear();
    waiting.look();
    await tenants.close();
  }

  return {
    reconcile,
    expect,
    recheck,
    settled: (sandbox) => waiting.wait(() => entries.get(sandbox)?.status.state !== "waiting"),
    status: () => [...entries.values()].map(({ status }) => status),
    close,
  };
}
