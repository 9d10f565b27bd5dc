import { readFileSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import { inNamespace, type Namespace, openNamespace } from "../linux/namespace.ts";
import type { Container } from "../registry/model.ts";
import { namespaceDialer } from "../sandbox/namespace-dialer.ts";
import type { Dialer } from "../upstream/dialer.ts";
import { type EngineResolver, engineResolver } from "./engine-resolver.ts";
import { type ContainerFiles, containerFiles } from "./processes.ts";

/** A container's network namespace, opened by its path: nothing in it is changed. */
export interface Sandbox {
  /** Whose namespace it is. */
  readonly container: Container;
  /** Others that live in it (`docker run --network container:X`). */
  readonly sharers: readonly Container[];
  readonly namespace: Namespace;
  /** Asks from inside. */
  readonly dialer: Dialer;
  /** What its processes see; undefined where there is no process, or we may not look. */
  readonly files: ContainerFiles | undefined;
  /** Where the Docker engine's own resolver listens in there; undefined if there is none. */
  readonly resolver: EngineResolver | undefined;
  /** A file of the namespace below `/proc/net`, such as `udp`; throws if the kernel has none of that name. */
  net(file: string): string;
}

/** The sandboxes that can be looked into, and the containers that can't, with the reason. */
export interface Sandboxes {
  readonly open: readonly Sandbox[];
  readonly closed: readonly { readonly container: Container; readonly reason: string }[];
  close(): void;
}

/** Opens each namespace once, whoever shares it. A container without one (stopped) is in neither list. */
export function openSandboxes(containers: Iterable<Container>): Sandboxes {
  const files = containerFiles();
  const open = new Map<string, Sandbox & { sharers: Container[] }>();
  const closed: { container: Container; reason: string }[] = [];
  const all = [...containers].sort(byOwnershipAndName);
  for (const container of all) {
    if (container.netns === undefined) continue;
    let namespace: Namespace | undefined;
    try {
      namespace = openNamespace(container.netns);
      const shared = open.get(namespace.identity);
      if (shared === undefined) {
        open.set(namespace.identity, sandboxOf(container, namespace, files.get(namespace.identity)));
      } else {
        shared.sharers.push(container);
        namespace.close();
      }
    } catch (error) {
      namespace?.close();
      closed.push({ container, reason: messageOf(error) });
    }
  }
  return {
    open: [...open.values()],
    closed,
    close: () => {
      for (const { namespace } of open.values()) namespace.close();
    },
  };
}

/**
 * The owner of a namespace before those who share it; else by name, so that two runs say the same, in whatever order
 * the sources tell of their containers.
 */
function byOwnershipAndName(a: Container, b: Container): number {
  const bySharing = Number(a.shares !== undefined) - Number(b.shares !== undefined);
  if (bySharing !== 0) return bySharing;
  return a.name < b.name ? -1 : Number(a.name > b.name);
}

function sandboxOf(container: Container, namespace: Namespace, files: ContainerFiles | undefined) {
  // `thread-self`: only the calling thread is in there.
  const net = (file: string): string =>
    inNamespace(namespace, () => readFileSync(`/proc/thread-self/net/${file}`, "utf8"));
  return {
    container,
    sharers: [],
    namespace,
    dialer: { ...namespaceDialer(namespace), scope: container.key, name: container.name },
    files,
    resolver: engineResolver(net),
    net,
  };
}
