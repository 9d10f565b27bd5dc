import { closeSync } from "node:fs";
import type { Flow, FlowListener, FlowOf } from "../base/flow.ts";
import type { DataPlane } from "../dataplane/data-plane.ts";
import { openNamespace } from "../linux/namespace.ts";
import { connectedUdpSocket } from "../linux/sockets.ts";
import { namespaceDialer } from "../sandbox/namespace-dialer.ts";
import { type Dialer, hostDialer } from "../upstream/dialer.ts";

/** How upstreams are reached: from the host's namespace, or from a container's. */
export interface Dialing {
  readonly host: Dialer;
  /** Enters whichever namespace the path names at the moment of each dial, so it needs no upkeep. */
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

  return {
    host: { ...hostDialer, udp: hostUdp },
    inside(netns, scope) {
      function dial<T>(by: (dialer: Dialer) => T): T {
        const namespace = openNamespace(netns);
        try {
          return by(namespaceDialer(namespace, scope, listening()));
        } finally {
          namespace.close();
        }
      }
      return {
        scope,
        udp: (server, listener) => dial((dialer) => dialer.udp(server, listener)),
        tcp: (family) => dial((dialer) => dialer.tcp(family)),
      };
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
