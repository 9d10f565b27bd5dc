import type { AttachmentReport, AttachReport } from "../api/control.ts";
import type { Config } from "../config/schema.ts";
import type { Container } from "../registry/model.ts";
import type { Registry } from "../registry/registry.ts";
import type { Attachments } from "../sandbox/attachments.ts";
import { saidByHand } from "./said-by-hand.ts";
import { BY_HAND, type Failure, NOBODY, withoutNamespace } from "./why-not-attached.ts";

/**
 * Whose 127.0.0.11 is to be ours: `attach:` of the configuration, which goes by the container's name, overruled by what
 * was said by hand at run time.
 */
export interface Attaching {
  /** Brings the attachments to what is wanted now: after a change of the registry, the configuration or the sources. */
  reconcile(): void;
  /** Resolves when it is known of each whether it is attached, within some seconds. */
  attach(containers: readonly string[]): Promise<AttachReport>;
  detach(containers: readonly string[]): AttachReport;
  reports(): AttachmentReport[];
}

export function attaching(options: {
  readonly config: () => Config;
  readonly registry: Registry;
  readonly attachments: Attachments;
  /** Where namespaces appear of which a source tells within moments whose they are. */
  readonly netnsDirectories: () => readonly string[];
}): Attaching {
  const { config, registry, attachments, netnsDirectories } = options;
  const said = saidByHand(registry);

  function isWanted(container: Container): boolean {
    return said.of(container) ?? (config().attach === "all" || isListed(container.name));
  }

  function isListed(name: string): boolean {
    const { attach } = config();
    return Array.isArray(attach) && attach.includes(name);
  }

  /** Somebody named it before, and may unsay it while there is no such container. */
  function isNamed(name: string): boolean {
    return said.ofName(name) !== undefined || isListed(name);
  }

  function reconcile(): void {
    said.follow();
    const wanted = new Map<string, { name: string; netns: string }>();
    const unwanted = new Map<string, string>();
    const sharers: Container[] = [];
    const take = (container: Container, netns: string): void => {
      if (isWanted(container)) wanted.set(container.key, { name: container.name, netns });
      else unwanted.set(netns, container.key);
    };
    for (const container of registry.containers()) {
      if (container.netns === undefined) continue;
      if (container.shares === undefined) take(container, container.netns);
      else sharers.push(container);
    }
    // Last: the queries of a shared namespace are those of the one whose it is, if that is attached.
    for (const sharer of sharers) take(sharer, sharer.netns!);
    attachments.reconcile(wanted);
    const directories = config().attach === "all" ? netnsDirectories() : [];
    attachments.expect(directories, (netns) => unwanted.get(netns));
  }

  /** Says for each container whether it is wanted, and brings that about as far as it goes now. */
  function say(names: readonly string[], isAttached: boolean): Named[] {
    const found = names.map((name) => ({ name, container: registry.findContainer(name) }));
    for (const { name, container } of found)
      if (container !== undefined) said.say(container, isAttached);
      else if (isNamed(name)) said.sayOfName(name, isAttached);
    reconcile();
    return found;
  }

  async function attach(names: readonly string[]): Promise<AttachReport> {
    const found = say(names, true);
    const keys = found.flatMap(({ container }) => (container === undefined ? [] : [container.key]));
    await Promise.all(keys.map((key) => attachments.settled(key)));
    return outcome(found, attachFailure);
  }

  /** `failure` says what came of a container. */
  function outcome(
    found: readonly Named[],
    failure: (container: Container) => Failure | undefined,
  ): AttachReport {
    const done: string[] = [];
    const failed: ({ container: string } & Failure)[] = [];
    for (const { name, container } of found) {
      const isUnsaid = container === undefined && said.ofName(name) === false;
      const why = container !== undefined ? failure(container) : isUnsaid ? undefined : NOBODY;
      if (why === undefined) done.push(container?.name ?? name);
      else failed.push({ container: name, ...why });
    }
    return { done, failed };
  }

  function reports(): AttachmentReport[] {
    const tried = attachments.status().map(({ sandbox, name, state, since, reason, remedy }) => ({
      container: name,
      sandbox,
      state,
      since,
      reason: reason ?? null,
      remedy: remedy ?? null,
    }));
    return [...tried, ...[...registry.containers()].flatMap(untried), ...absent()];
  }

  /** One that is not as the configuration has it, and with which nothing could be done, or was to be. */
  function untried(container: Container): AttachmentReport[] {
    const { key, name, netns, netnsMissing } = container;
    if (said.of(container) === false)
      return [report(name, key, "detached", detachFailure(container) ?? BY_HAND)];
    if (netns !== undefined || !isWanted(container)) return [];
    const isMeant = said.of(container) === true || isListed(name);
    // Nobody asks in one that is stopped or has the host's network; and what its source does not place at all (a service
    // of a swarm, a machine in a file) is no container of this machine.
    if (!isMeant && netnsMissing !== "unseen") return [];
    const state = netnsMissing === "stopped" ? "waiting" : "failed";
    return [report(name, key, state, withoutNamespace(container))];
  }

  /** Names to be attached that no container bears. */
  function absent(): AttachmentReport[] {
    const { attach } = config();
    const listed = Array.isArray(attach) ? (attach as string[]) : [];
    const borne = new Set(Array.from(registry.containers(), ({ name }) => name));
    const names = listed.filter((name) => !borne.has(name) && said.ofName(name) !== false);
    return [...new Set([...names, ...said.awaited()])].map((name) => report(name, null, "waiting", NOBODY));
  }

  function report(
    container: string,
    sandbox: string | null,
    state: AttachmentReport["state"],
    why: Failure,
  ): AttachmentReport {
    return { container, sandbox, state, since: null, reason: why.reason, remedy: why.remedy ?? null };
  }

  function attachFailure(container: Container): Failure | undefined {
    const { key, netns } = container;
    if (netns === undefined) return withoutNamespace(container);
    const { state, reason, remedy } = attachments.status().find(({ sandbox }) => sandbox === key) ?? {};
    if (state === "attached") return undefined;
    return { reason: reason ?? "not attached yet", ...(remedy !== undefined && { remedy }) };
  }

  /** Containers in one namespace have one 127.0.0.11: it is ours as long as one of them is attached. */
  function detachFailure(container: Container): Failure | undefined {
    const sandboxOf = ({ key, shares = key }: Container): string => shares;
    const attached = new Set(
      attachments.status().flatMap(({ sandbox, state }) => (state === "attached" ? [sandbox] : [])),
    );
    const names = [...registry.containers()]
      .filter(({ key }) => attached.has(key))
      .filter((other) => other.netns === container.netns || sandboxOf(other) === sandboxOf(container))
      .map(({ name }) => name);
    if (names.length === 0) return undefined;
    return {
      reason: `shares the network namespace of ${names.join(", ")}, which is attached`,
      remedy: `hand that back, too: \`eleven detach ${names.join(" ")}\``,
    };
  }

  return {
    reconcile,
    attach,
    detach: (names) => outcome(say(names, false), detachFailure),
    reports,
  };
}

/** What somebody called a container, and which that is. */
interface Named {
  readonly name: string;
  readonly container: Container | undefined;
}
