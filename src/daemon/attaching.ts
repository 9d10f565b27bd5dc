import { dirname } from "node:path";
import type { AttachmentReport, AttachReport } from "../api/control.ts";
import type { Config } from "../config/schema.ts";
import type { Container } from "../registry/model.ts";
import type { Registry } from "../registry/registry.ts";
import type { Attachments } from "../sandbox/attachments.ts";

/** Where Docker makes the namespaces of its containers, unless it was given another `exec-root`. */
const DOCKERS_DIRECTORY = "/var/run/docker/netns";
/** What Docker calls them: a container that is known shows where an engine with another `exec-root` makes its own. */
const DOCKERS_NAME = /\/netns\/[0-9a-f]{12}$/;

/**
 * Whose 127.0.0.11 is to be ours: `attach:` of the configuration, overruled by what was said at run time. It goes by
 * the container's name, so that a container which is made anew under its name is attached anew.
 */
export interface Attaching {
  /** Brings the attachments to what is wanted now: after a change of the registry or of the configuration. */
  reconcile(): void;
  attach(containers: readonly string[]): AttachReport;
  detach(containers: readonly string[]): AttachReport;
  reports(): AttachmentReport[];
}

export function attaching(options: {
  readonly config: () => Config;
  readonly registry: Registry;
  readonly attachments: Attachments;
}): Attaching {
  const { config, registry, attachments } = options;
  const said = new Map<string, boolean>();

  function isWanted({ name }: Container): boolean {
    const { attach } = config();
    return said.get(name) ?? (attach === "all" || (attach !== "none" && attach.includes(name)));
  }

  function reconcile(): void {
    const wanted = new Map<string, { name: string; netns: string }>();
    const unwanted = new Set<string>();
    const directories = new Set<string>();
    for (const container of registry.containers()) {
      const { key, name, netns } = container;
      if (netns === undefined) continue;
      if (isWanted(container)) wanted.set(key, { name, netns });
      else unwanted.add(netns);
      if (DOCKERS_NAME.test(netns)) directories.add(dirname(netns));
    }
    attachments.reconcile(wanted);
    const { attach, sources } = config();
    if (sources.some(({ kind }) => kind === "docker")) directories.add(DOCKERS_DIRECTORY);
    attachments.expect(attach === "all" ? directories : [], (netns) => unwanted.has(netns));
  }

  /** Says for each container whether it is wanted, brings that about, and reports through `failure` what came of it. */
  function say(
    names: readonly string[],
    attach: boolean,
    failure: (container: Container) => Failure | undefined,
  ) {
    const done: string[] = [];
    const failed: ({ container: string } & Failure)[] = [];
    const found = names.map((name) => ({ name, container: registry.findContainer(name) }));
    for (const { container } of found) if (container !== undefined) said.set(container.name, attach);
    reconcile();
    for (const { name, container } of found) {
      const why = container === undefined ? NOBODY : failure(container);
      if (why === undefined) done.push(container?.name ?? name);
      else failed.push({ container: name, ...why });
    }
    return { done, failed };
  }

  function reports(): AttachmentReport[] {
    const tried = attachments.status().map(({ name, state, since, reason, remedy }) => ({
      container: name,
      state,
      since,
      reason: reason ?? null,
      remedy: remedy ?? null,
    }));
    return [...tried, ...untried()];
  }

  /** Containers that somebody named, and with which nothing could be done so far. */
  function untried(): AttachmentReport[] {
    const { attach } = config();
    const named = new Set([...(Array.isArray(attach) ? (attach as string[]) : []), ...said.keys()]);
    const containers = new Map([...registry.containers()].map((container) => [container.name, container]));
    return [...named].flatMap((name): AttachmentReport[] => {
      const container = containers.get(name);
      if (said.get(name) === false) return container === undefined ? [] : [report(name, "detached", BY_HAND)];
      if (container === undefined) return [report(name, "waiting", NOBODY)];
      return container.netns === undefined ? [report(name, "failed", NO_NETNS)] : [];
    });
  }

  function report(container: string, state: AttachmentReport["state"], why: Failure): AttachmentReport {
    return { container, state, since: null, reason: why.reason, remedy: why.remedy ?? null };
  }

  function attachFailure({ key, netns }: Container): Failure | undefined {
    if (netns === undefined) return NO_NETNS;
    const { state, reason, remedy } = attachments.status().find(({ sandbox }) => sandbox === key) ?? {};
    if (state === "attached") return undefined;
    return { reason: reason ?? "not attached yet", ...(remedy !== undefined && { remedy }) };
  }

  return {
    reconcile,
    attach: (names) => say(names, true, attachFailure),
    detach: (names) => say(names, false, () => undefined),
    reports,
  };
}

interface Failure {
  readonly reason: string;
  readonly remedy?: string;
}

const NOBODY: Failure = {
  reason: "no source knows such a container",
  remedy: "see the containers with `eleven records`",
};
const BY_HAND: Failure = {
  reason: "handed back by hand",
  remedy: "take it over again with `eleven attach`",
};
const NO_NETNS: Failure = {
  reason: "its source does not say where its network namespace is (no netns)",
  remedy: "give the container `netns:` in the file source",
};
