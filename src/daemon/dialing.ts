import type { SocketAddress } from "../base/address.ts";
import type { FlowOf, Way } from "../base/flow.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import { type Namespace, namespaceAt, openNamespace } from "../linux/namespace.ts";
import { connectedUdpSocket } from "../linux/sockets.ts";
import type { Container } from "../registry/model.ts";
import { namespaceDialer } from "../sandbox/namespace-dialer.ts";
import { type Dialer, hostDialer } from "../upstream/dialer.ts";

/** Namespaces that dialers are remembered of; to forget the oldest costs a connection. */
const MAX_INSIDERS = 4096;

/** How upstreams are reached: from the host's namespace, or from a container's. */
export interface Dialing {
  readonly host: Dialer;
  /**
   * Enters whichever namespace the path names at the moment of each dial, so it needs no upkeep. It is the same one as
   * long as the path names the same namespace, for connections that are kept belong to their dialer.
   */
  inside(netns: string, container: Pick<Container, "key" | "name">): Dialer;
}

/** The data plane listens for replies, where there is one that works; else Node does, at several times the cost. */
export function dialing(plane: () => DataPlane | undefined): Dialing {
  function flowOf(): FlowOf | undefined {
    const data = plane();
    return data?.canListen === true ? data.flow : undefined;
  }

  const hostWays = ways((server) => connectedUdpSocket(server));
  const insiders = new Map<string, Dialer>();

  return {
    host: {
      ...hostDialer,
      udp: (server, listener, isFresh = false) =>
        flowOf()?.(hostWays(server), listener, isFresh) ?? hostDialer.udp(server, listener),
    },
    inside(netns, { key: scope, name }) {
      // A container that is made anew must not be asked for on the connections of the former one.
      const key = JSON.stringify([netns, scope, name, namespaceAt(netns)]);
      const known = insiders.get(key);
      if (known !== undefined) return known;
      function within<T>(make: (namespace: Namespace) => T): T {
        const namespace = openNamespace(netns);
        try {
          return make(namespace);
        } finally {
          namespace.close();
        }
      }
      const insideWays = ways((server) => within((namespace) => connectedUdpSocket(server, namespace)));
      const made: Dialer = {
        scope,
        name,
        // A container's own upstreams are plain addresses, so it is for the 200 ms after an answer that was cut off
        // (`streams.ts`): a namespace whose container is gone does not outlive it by more.
        keepsConnections: true,
        udp: (server, listener, isFresh = false) =>
          flowOf()?.(insideWays(server), listener, isFresh) ??
          within((namespace) => namespaceDialer(namespace).udp(server, listener)),
        tcp: (family) => within((namespace) => namespaceDialer(namespace).tcp(family)),
      };
      if (insiders.size >= MAX_INSIDERS) insiders.delete(insiders.keys().next().value!);
      insiders.set(key, made);
      return made;
    },
  };
}

/** The ways to servers, each the same as long as its server's address is the same object. */
function ways(connect: (server: SocketAddress) => number): (server: SocketAddress) => Way {
  const known = new WeakMap<SocketAddress, Way>();
  return (server) => {
    let way = known.get(server);
    if (way === undefined) {
      way = { connect: () => connect(server) };
      known.set(server, way);
    }
    return way;
  };
}
