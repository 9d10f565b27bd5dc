import type { Clock } from "../base/clock.ts";
import type { ServerAddress } from "../base/server-address.ts";
import type { Config } from "../config/schema.ts";
import type { Registry } from "../registry/registry.ts";
import type { Dialer } from "../upstream/dialer.ts";
import type { HostServers } from "../upstream/host-resolv-conf.ts";
import type { Ask } from "./ask.ts";
import type { Skipped } from "./check.ts";
import type { Sandbox, Sandboxes } from "./sandbox.ts";

/** All that checks look at. It is made anew for each run, so that checks of one run see the same. */
export interface Context extends Surroundings {
  /** The host's resolv.conf, as it is now. */
  readonly host: HostServers;
  readonly sandboxes: Sandboxes;
  readonly ask: Ask;
  /** Aborted when the run's time is over. */
  readonly signal: AbortSignal;
}

/** What the daemon tells of itself. */
export interface Surroundings {
  readonly clock: Clock;
  readonly registry: Registry;
  readonly config: Config;
  /** Whom we ask ourselves from the host's namespace: upstreams, fallback, split DNS; each once. */
  readonly upstreams: readonly ServerAddress[];
  /** Finds out, within two seconds, whether a server leads back to us. */
  leadsBack(asked: { readonly server: ServerAddress; readonly dialer: Dialer }): Promise<boolean>;
  /** Whether a container's 127.0.0.11 is ours at the moment; `key` is the container's. */
  isAttached(key: string): boolean;
}

/** The namespaces that can be entered, or why there is none to look into. */
export function entered({ sandboxes, registry }: Context): readonly Sandbox[] | Skipped {
  const { open, closed } = sandboxes;
  if (open.length > 0) return open;
  const [first] = closed;
  if (first !== undefined) return { skipped: first.reason };
  const none = [...registry.containers()].length === 0;
  return { skipped: none ? "no source knows a container" : "no container's network namespace is known" };
}

/** Works something out once a run, for several checks. */
export function oncePerRun<T extends object>(make: (context: Context) => T): (context: Context) => T {
  const made = new WeakMap<Context, T>();
  return (context) => {
    const known = made.get(context);
    if (known !== undefined) return known;
    const value = make(context);
    made.set(context, value);
    return value;
  };
}
