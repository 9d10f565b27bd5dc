import { messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import { type Namespace, openNamespace } from "../linux/namespace.ts";
import { type Attachment, attach, type Serve } from "./attachment.ts";

/** A namespace that one sandbox holds; without `serving`, another one answers in it. */
export interface Hold {
  readonly sandbox: string;
  readonly namespace: Namespace;
  readonly serving?: Attachment;
}

/**
 * Who answers in which namespace: one sandbox in each. There is one 127.0.0.11:53 in a namespace, however many
 * containers live in it.
 */
export interface Tenancy {
  /**
   * Opens the namespace and answers in it, or shares it if somebody else of ours does. `leaving` if a tenant is
   * still answering its last queries there: try again after `freed`. Throws as `openNamespace` and `attach` do,
   * and holds nothing then.
   */
  take(sandbox: string, netns: string): Hold | "leaving";
  /** The sandbox that answers in the namespace of this hold; undefined once that one has released it. */
  tenantOf(hold: Hold): string | undefined;
  /** What was served is closed in its own time, and the namespace after it. */
  release(hold: Hold): void;
  /** Resolves when all that was released is closed. */
  settled(): Promise<void>;
}

export function tenancy(options: {
  readonly serve: Serve;
  readonly log: Logger;
  /** A namespace for which `take` said `leaving` can be taken. */
  readonly freed: () => void;
}): Tenancy {
  const { serve, log, freed } = options;
  // All by the identity of the namespace.
  const tenants = new Map<string, string>();
  const leaving = new Map<string, Promise<void>>();
  const awaited = new Set<string>();

  function take(sandbox: string, netns: string): Hold | "leaving" {
    const namespace = openNamespace(netns);
    const { identity } = namespace;
    try {
      if (tenants.has(identity)) return { sandbox, namespace };
      if (leaving.has(identity)) {
        awaited.add(identity);
        namespace.close();
        return "leaving";
      }
      const serving = attach(namespace, sandbox, serve);
      tenants.set(identity, sandbox);
      return { sandbox, namespace, serving };
    } catch (error) {
      namespace.close();
      throw error;
    }
  }

  function release({ sandbox, namespace, serving }: Hold): void {
    if (serving === undefined) {
      namespace.close();
      return;
    }
    tenants.delete(namespace.identity);
    leaving.set(namespace.identity, leave(sandbox, namespace, serving));
  }

  async function leave(sandbox: string, namespace: Namespace, serving: Attachment): Promise<void> {
    try {
      await serving.close();
    } catch (error) {
      log.error({ sandbox, reason: messageOf(error) }, "a listener did not close as it should");
    }
    // Only now: the queries in flight may be asking upstreams from in there.
    namespace.close();
    leaving.delete(namespace.identity);
    if (awaited.delete(namespace.identity)) freed();
  }

  return {
    take,
    tenantOf: ({ namespace }) => tenants.get(namespace.identity),
    release,
    async settled() {
      await Promise.all(leaving.values());
    },
  };
}
