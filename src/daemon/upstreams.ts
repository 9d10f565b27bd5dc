import { formatSocketAddress, type SocketAddress } from "../base/address.ts";
import type { Config } from "../config/schema.ts";
import { openNamespace } from "../linux/namespace.ts";
import type { Container } from "../registry/model.ts";
import type { Registry } from "../registry/registry.ts";
import { ResolveFailure } from "../resolver/failure.ts";
import type { Query, Resolver } from "../resolver/resolver.ts";
import { namespaceDialer } from "../sandbox/namespace-dialer.ts";
import { type Dialer, hostDialer } from "../upstream/dialer.ts";
import type { Selection } from "../upstream/forwarder.ts";
import type { HostResolvConf } from "../upstream/host-resolv-conf.ts";
import { EdeCode } from "../wire/iana.ts";

/** The servers asked for everything that has no place of its own: configured, the host's, or else the fallback. */
export function hostSelection(config: Config, hostResolvConf: HostResolvConf): Selection {
  const servers = config.upstreams === "host" ? hostResolvConf.current().servers : config.upstreams;
  const why = config.upstreams === "host" ? `the host's ${config.resolvConf}` : "configured upstreams";
  if (servers.length > 0) return { servers, dialer: hostDialer, why };
  return { servers: config.fallbackUpstreams, dialer: hostDialer, why: `fallback: ${why} names no server` };
}

/**
 * A container's own upstreams, asked from its own namespace where its source told us which that is. Without one
 * they can only be asked from the host's.
 */
export function ownSelection(container: Container): Selection {
  const { name, netns, upstreams = [] } = container;
  const dialer = netns === undefined ? hostDialer : dialerAt(netns, name);
  return { servers: upstreams, dialer, why: `upstreams of container ${name}` };
}

/** Enters whichever namespace the path names at the moment of each dial, so it needs no upkeep. */
function dialerAt(netns: string, scope: string): Dialer {
  function inside<T>(dial: (dialer: Dialer) => T): T {
    const namespace = openNamespace(netns);
    try {
      return dial(namespaceDialer(namespace, scope));
    } finally {
      namespace.close();
    }
  }
  return {
    scope,
    udp: (family) => inside((dialer) => dialer.udp(family)),
    tcp: (family) => inside((dialer) => dialer.tcp(family)),
  };
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
    async resolve({ client, trace }: Query): Promise<undefined> {
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

function isConfined(container: Container, registry: Registry): boolean {
  const { endpoints } = container;
  return (
    endpoints.length > 0 && endpoints.every(({ network }) => registry.network(network)?.internal === true)
  );
}

/** Every server that a client without a place of its own may be sent to, for `status`. */
export function allServers(config: Config, hostResolvConf: HostResolvConf): SocketAddress[] {
  const all = [...hostSelection(config, hostResolvConf).servers, ...[...config.domains.values()].flat()];
  return [...new Map(all.map((server) => [formatSocketAddress(server), server])).values()];
}
