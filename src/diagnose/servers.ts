import type { ServerAddress } from "../base/server-address.ts";
import { type Dialer, hostDialer } from "../upstream/dialer.ts";
import { serverKey } from "../upstream/health.ts";
import { type Context, oncePerRun } from "./context.ts";
import { allOwnServers } from "./own-servers.ts";
import type { Sandbox } from "./sandbox.ts";

/** A server that somebody's names are sent to, and how it is reached. */
export interface AskedServer {
  readonly server: ServerAddress;
  readonly dialer: Dialer;
  /** Who asks it: `eleven`, and containers by name. */
  readonly users: readonly string[];
  /** The container in whose namespace it is asked; undefined for the host's. */
  readonly sandbox: Sandbox | undefined;
}

const DNS_PORT = 53;
export const US = "eleven";

/**
 * Every server that is asked by eleven, by the engine's resolver for a container (as far as that can
 * be known), or by a container's libc. Containers in the same networks reach the same, so one of them stands for all.
 */
export const askedServers = oncePerRun(async (context: Context): Promise<readonly AskedServer[]> => {
  const servers = new Map<string, AskedServer & { readonly users: string[] }>();
  function add(user: string, server: ServerAddress, sandbox: Sandbox | undefined): void {
    const dialer = sandbox?.dialer ?? hostDialer;
    const place = sandbox === undefined || isLoopback(server) ? dialer.scope : placeOf(sandbox);
    const key = serverKey(place, server);
    const known = servers.get(key) ?? { server, dialer, users: [], sandbox };
    servers.set(key, known);
    if (!known.users.includes(user)) known.users.push(user);
  }
  for (const server of context.upstreams) add(US, server, undefined);
  for (const sandbox of context.sandboxes.open) {
    const { name, upstreams = [] } = sandbox.container;
    for (const server of upstreams) add(name, server, sandbox);
  }
  for (const { sandbox, servers: own } of await allOwnServers(context)) {
    for (const { address, scope } of own)
      add(sandbox.container.name, { address, port: DNS_PORT }, scope === "host" ? undefined : sandbox);
  }
  return [...servers.values()];
});

function placeOf({ container }: Sandbox): string {
  return JSON.stringify(container.endpoints.map(({ network }) => network).sort());
}

export function isLoopback({ address }: ServerAddress): boolean {
  return address.startsWith("127.") || address === "::1";
}
