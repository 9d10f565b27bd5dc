import { randomBytes } from "node:crypto";
import { closeSync } from "node:fs";
import { type Conversation, conversations } from "../linux/conntrack.ts";
import { netfilterSocket } from "../linux/netlink.ts";
import { RrType } from "../wire/iana.ts";
import { type Context, oncePerRun } from "./context.ts";
import { type ExternalServer, engineConfOf } from "./engine-conf.ts";
import { engineLiveness } from "./engine-liveness.ts";
import type { Sandbox } from "./sandbox.ts";
import { hasWayOut } from "./way-out.ts";

/** Whom a container's names outside are sent to by the engine's resolver, or by its libc where there is none. */
export interface OwnServers {
  readonly sandbox: Sandbox;
  readonly servers: readonly ExternalServer[];
  /** `seen`: by what connection tracking says of one question; those after the first that answers are not in it. */
  readonly by: "engine's comment" | "resolv.conf" | "seen";
}

/**
 * Containers whose conversations are looked at in a run: connection tracking is one table for all namespaces, and going
 * through it takes some 40 ms. They are others in each run.
 */
const SEEN_MAX = 10;

/** Of every container that anything is known of; worked out once a run. */
export const allOwnServers = oncePerRun(async (context: Context): Promise<readonly OwnServers[]> => {
  const { open } = context.sandboxes;
  const first = Math.floor(Math.random() * open.length);
  let left = SEEN_MAX;
  const mayLook = () => left-- > 0;
  const all = [...open.slice(first), ...open.slice(0, first)];
  const found = await Promise.all(all.map((sandbox) => ownServers(context, sandbox, mayLook)));
  // What is told is in the same order each time.
  const rest = open.length - first;
  return [...found.slice(rest), ...found.slice(0, rest)].filter((own) => own !== undefined);
});

/**
 * Reads them where they are written down. Engines before 26 write nothing down, so there the engine's resolver is asked
 * for a name that nobody has, and the namespace's connection tracking tells where that went (the engine's own NAT
 * rules have it track everything; what the engine asks from the host's namespace is not seen). Undefined where nothing
 * tells.
 */
async function ownServers(
  context: Context,
  sandbox: Sandbox,
  mayLook: () => boolean,
): Promise<OwnServers | undefined> {
  const conf = engineConfOf(sandbox.files);
  if (conf?.external !== undefined) return { sandbox, servers: conf.external, by: "engine's comment" };
  if (conf !== undefined && !conf.isEmbedded) {
    if (!hasWayOut(sandbox)) return undefined;
    const servers = conf.file.nameservers.map(({ address }) => inContainer(address));
    return servers.length === 0 ? undefined : { sandbox, servers, by: "resolv.conf" };
  }
  if (!mayLook()) return undefined;
  const servers = await seenServers(context, sandbox);
  return servers.length === 0 ? undefined : { sandbox, servers, by: "seen" };
}

/** It has no servers of its own (`--dns`), so it was to have the host's. */
export function followsHost({ container, files }: Sandbox): boolean {
  return (container.upstreams ?? []).length === 0 && engineConfOf(files)?.isOverridden !== true;
}

function inContainer(address: string): ExternalServer {
  return { address, scope: "container" };
}

const DNS_PORT = 53;

async function seenServers(context: Context, sandbox: Sandbox): Promise<ExternalServer[]> {
  const { resolver, namespace, dialer, container } = sandbox;
  if (resolver === undefined || !(await engineLiveness(context)).isLive(container.key)) return [];
  const netlink = netfilterSocket(namespace);
  try {
    const key = ({ client, to }: Conversation) => `${to.address} ${client.address} ${client.port}`;
    const before = new Set(conversations(netlink, DNS_PORT).map(key));
    // "invalid." is nobody's (RFC 6761 §6.4); the rest keeps it out of caches.
    const name = `${randomBytes(8).toString("hex")}.invalid.`;
    await context.ask({ ...resolver, dialer, name, type: RrType.A });
    const fresh = conversations(netlink, DNS_PORT).filter((each) => !before.has(key(each)));
    return [...new Set(fresh.map(({ to }) => to.address))]
      .filter((address) => address !== resolver.server.address)
      .map(inContainer);
  } catch {
    // Where connection tracking can't be looked at, nothing is seen.
    return [];
  } finally {
    closeSync(netlink);
  }
}
