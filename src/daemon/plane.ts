import type { DataPlaneReport } from "../api/control.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import type { Config } from "../config/schema.ts";
import { type DataPlane, dataPlane } from "../dataplane/data-plane.ts";
import type { Counted } from "../dataplane/decided.ts";
import { linuxSupport } from "../linux/libc.ts";
import type { Registry } from "../registry/registry.ts";
import type { Handler } from "../server/handle.ts";
import { portableUdp } from "../server/portable-udp.ts";
import type { UdpPlane } from "../server/udp-plane.ts";
import { NODE_LOCAL } from "./node-local.ts";
import { countedAs } from "./readings.ts";
import { viewSignature } from "./view-signature.ts";

/** For `status`. */
export function planeReport({ data }: Plane): DataPlaneReport {
  if (data === undefined)
    return { kind: "portable", state: "up", entries: 0, shed: 0, unsent: 0, lost: 0, restarts: 0 };
  return { kind: "threads", state: data.isAlive ? "up" : "hung", ...data.counters };
}

/** Who answers on UDP sockets: the data plane, or else, where it can't run or is not wanted, the portable one. */
export interface Plane {
  readonly udp: UdpPlane;
  readonly data: DataPlane | undefined;
}

export function plane(options: {
  readonly config: Config["dataplane"];
  readonly handler: Handler;
  readonly registry: Registry;
  /** Counts what the data plane gave to a sandbox that is long gone. */
  readonly settled: Counted;
  readonly clock: Clock;
  readonly log: Logger;
}): Plane {
  const { config, handler, registry, settled, clock, log } = options;
  const portable = (): Plane => ({ udp: portableUdp({ handler, clock, log }), data: undefined });
  if (config === "portable") return portable();
  const support = linuxSupport();
  if (!support.ok) {
    log.warn({ reason: support.why }, "no data plane here: the portable listener answers, at a higher cost");
    return portable();
  }
  const data = dataPlane({
    workers: config.workers,
    tableOctets: config.tableBytes,
    // Beside the program, when that has been built.
    program: new URL("./data-plane-worker.js", import.meta.url),
    handler,
    signature: (sandbox) => viewSignature(registry, sandbox),
    exists: (sandbox) => isHosts(sandbox) || registry.container(sandbox) !== undefined,
    owner: (sandbox) => (isHosts(sandbox) ? "" : registry.container(sandbox)?.name),
    settled,
    labels: countedAs,
    clock,
    log,
  });
  registry.onChange(({ names, addresses, touched }) =>
    data.changed({ names, addresses, sandboxes: touched }),
  );
  return { udp: data, data };
}

/** The host's own, and those who have its view: they are counted under no name. */
function isHosts(sandbox: string | undefined): sandbox is undefined | typeof NODE_LOCAL {
  return sandbox === undefined || sandbox === NODE_LOCAL;
}
