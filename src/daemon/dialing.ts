import { closeSync } from "node:fs";
import type { Flow, FlowListener, FlowOf } from "../base/flow.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import { namespaceAt, openNamespace } from "../linux/namespace.ts";
import { connectedUdpSocket } from "../linux/sockets.ts";
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
  inside(netns: string, scope: string): Dialer;
}

/** The data plane listens for replies, where there is one that works; else Node does, at several times the cost. */
export function dialing(plane: () => DataPlane | undefined): Dialing {
  const listening = (): FlowOf | undefined => {
    const data = plane();
    if (data?.canListen !== true) return undefined;
    return (fd, listener) => orClose(fd, () => data.flow(fd, listener));
  };

  function hostUdp(server: Parameters<Dialer["udp"]>[0], listener: FlowListener): Flow {
    const flowOf = listening();
    return flowOf === undefined
      ? hostDialer.udp(server, listener)
      : flowOf(connectedUdpSocket(server), listener);
  }

  const insiders = new Map<string, Dialer>();

  return {
    host: { ...hostDialer, udp: hostUdp },
    inside(netns, scope) {
      // A container that is made anew must not be asked for on the connections of the former one.
      const key = JSON.stringify([netns, scope, namespaceAt(netns)]);
      const known = insiders.get(key);
      if (known !== undefined) return known;
      function dial<T>(by: (dialer: Dialer) => T): T {
        const namespace = openNamespace(netns);
        try {
          return by(namespaceDialer(namespace, scope, listening()));
        } finally {
          namespace.close();
        }
      }
      const made: Dialer = {
        scope,
        // A container's own upstreams are plain addresses, so it is for the 200 ms after an answer that was cut off
        // (`streams.ts`): a namespace whose container is gone does not outlive it by more.
        keepsConnections: true,
        udp: (server, listener) => dial((dialer) => dialer.udp(server, listener)),
        tcp: (family) => dial((dialer) => dialer.tcp(family)),
      };
      if (insiders.size >= MAX_INSIDERS) insiders.delete(insiders.keys().next().value!);
      insiders.set(key, made);
      return made;
    },
  };
}

function orClose<T>(fd: number, take: () => T): T {
  try {
    return take();
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}
