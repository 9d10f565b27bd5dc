import { formatSocketAddress } from "../base/address.ts";
import type { ServerAddress } from "../base/server-address.ts";
import type { Config } from "../config/schema.ts";
import type { Container } from "../registry/model.ts";
import type { Registry } from "../registry/registry.ts";
import { ResolveFailure } from "../resolver/failure.ts";
import type { Query, Resolver } from "../resolver/resolver.ts";
import { type Dialer, hostDialer } from "../upstream/dialer.ts";
import type { Selection } from "../upstream/forwarder.ts";
import { serverKey } from "../upstream/health.ts";
import type { HostResolvConf } from "../upstream/host-resolv-conf.ts";
import { EdeCode } from "../wire/iana.ts";
import type { Dialing } from "./dialing.ts";

/**
 * The servers asked for everything that has no place of its own: configured, the host's, or else the fallback, which
 * is also for a resolv.conf that names nobody but ourselves.
 */
export function hostSelection(
  config: Config,
  hostResolvConf: HostResolvConf,
  isLoop: (scope: string, server: ServerAddress) => boolean,
  dialer: Dialer = hostDialer,
): Selection {
  const { servers, why } = preferred(config, hostResolvConf);
  const leadsOn = servers.some((server) => !isLoop(dialer.scope, server));
  // The forwarder leaves the others out, and keeps testing whether they still lead back.
  if (leadsOn || (servers.length > 0 && config.fallbackUpstreams.length === 0))
    return { servers, dialer, why };
  const problem = servers.length > 0 ? `${why}: nobody but this server itself` : why;
  const fallback = config.fallbackUpstreams;
  return {
    servers: fallback,
    dialer,
    why: fallback.length > 0 ? `fallback: ${problem}` : problem,
  };
}

/** The servers that the node-local listener asks: its own, or else those that the host asks. */
export function nodeLocalSelection(config: Config, host: Selection): Selection {
  const { upstreams, forceTcp = false } = config.nodeLocal ?? {};
  const { dialer } = host;
  const { servers, why } =
    upstreams === undefined ? host : { servers: upstreams, why: "upstreams of the node-local listener" };
  return { servers: forceTcp ? overTcp(servers) : servers, dialer, why };
}

/** The same list for the same servers, as others know lists and servers by being the same objects. */
function overTcp(servers: readonly ServerAddress[]): readonly ServerAddress[] {
  const known = listsOverTcp.get(servers);
  if (known !== undefined) return known;
  const list = servers.map((server): ServerAddress => ({ transport: "tcp", ...server }));
  listsOverTcp.set(servers, list);
  return list;
}

const listsOverTcp = new WeakMap<readonly ServerAddress[], readonly ServerAddress[]>();

function preferred(config: Config, hostResolvConf: HostResolvConf): Pick<Selection, "servers" | "why"> {
  if (config.upstreams !== "host") return { servers: config.upstreams, why: "configured upstreams" };
  const { servers, problem } = hostResolvConf.current();
  const file = `the host's ${config.resolvConf}`;
  return { servers, why: problem === undefined ? file : `${file} (${problem})` };
}

/**
 * A container's own upstreams, asked from its own namespace where its source told us which that is. Without one
 * they can only be asked from the host's.
 */
export function ownSelection(container: Container, dialing: Dialing): Selection {
  const { name, netns, upstreams = [] } = container;
  const dialer = netns === undefined ? dialing.host : dialing.inside(netns, container);
  return { servers: upstreams, dialer, why: `upstreams of container ${name}` };
}

export function hasOwnUpstreams(container: Container | undefined): container is Container {
  return container?.upstreams !== undefined && container.upstreams.length > 0;
}

/**
 * Fails every query of a container that is attached to internal networks only, and declines the others. Docker does
 * so since CVE-2024-29018: a name looked up outside is a way out.
 */
export function confinement(registry: Registry): Resolver {
  return {
    name: "confinement",
    resolve({ client, trace }: Query): undefined {
      const container = client.sandbox === undefined ? undefined : registry.container(client.sandbox);
      if (container === undefined || !isConfined(container, registry)) return undefined;
      trace.step("confinement", "refused: the container has only internal networks", {
        container: container.name,
      });
      const text = `container ${container.name} has only internal networks: names outside are not forwarded`;
      throw new ResolveFailure({ code: EdeCode.PROHIBITED, text });
    },
  };
}

/** Attached to internal networks only. */
export function isConfined(container: Container, registry: Registry): boolean {
  const { endpoints } = container;
  return (
    endpoints.length > 0 && endpoints.every(({ network }) => registry.network(network)?.internal === true)
  );
}

/** Whether somebody who asks this server, from the host's namespace, asks one of our plain or node-local listeners. */
export function isListener(scope: string, server: ServerAddress, listeners: readonly string[]): boolean {
  return scope === hostDialer.scope && listeners.includes(formatSocketAddress(server));
}

/** What a person is told, and can do, about a server that leads back to us. */
export const LEADS_BACK = {
  reason: "it leads back to this server, so it is not asked",
  remedy:
    "name the servers that are to be asked under `upstreams:` in eleven.yaml, or take eleven's address out of what this server asks (the host's resolv.conf, or DNS= of systemd-resolved)",
};

/** A server as it is asked from one namespace, which has its dialer's `scope` and `name`. */
export interface Upstream extends Pick<Dialer, "scope" | "name"> {
  readonly server: ServerAddress;
}

/** Every server that somebody may be sent to, for `status`. */
export function allServers(
  config: Config,
  hostResolvConf: HostResolvConf,
  isLoop: (scope: string, server: ServerAddress) => boolean,
  containers: Iterable<Container>,
): Upstream[] {
  const nodeLocal =
    config.nodeLocal === undefined
      ? []
      : nodeLocalSelection(config, hostSelection(config, hostResolvConf, isLoop)).servers;
  const chosen = [
    ...preferred(config, hostResolvConf).servers,
    ...hostSelection(config, hostResolvConf, isLoop).servers,
  ];
  const host = [...chosen, ...[...config.domains.values()].flat(), ...nodeLocal];
  const own = [...containers]
    .filter(hasOwnUpstreams)
    .flatMap(({ key, name, netns, upstreams = [] }) =>
      upstreams.map((server) => (netns === undefined ? fromHost(server) : { scope: key, name, server })),
    );
  const all = [...host.map(fromHost), ...own];
  return [...new Map(all.map((each) => [serverKey(each.scope, each.server), each])).values()];
}

function fromHost(server: ServerAddress): Upstream {
  const { scope, name } = hostDialer;
  return { scope, name, server };
}
