import type { Control } from "../api/control.ts";
import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { formatServer, type ServerAddress } from "../base/server-address.ts";
import type { Config } from "../config/schema.ts";
import { checks } from "../diagnose/checks.ts";
import { runDoctor } from "../diagnose/doctor.ts";
import type { Registry } from "../registry/registry.ts";
import type { Dialer } from "../upstream/dialer.ts";
import type { Exchange } from "../upstream/exchange.ts";
import type { HostResolvConf } from "../upstream/host-resolv-conf.ts";
import { type Loops, TRAVEL_MS } from "../upstream/loops.ts";
import { hostSelection } from "./upstreams.ts";

/** `eleven doctor`, over the running daemon. */
export function diagnosing(options: {
  readonly clock: Clock;
  readonly log: Logger;
  readonly registry: Registry;
  readonly config: () => Config;
  readonly hostResolvConf: () => HostResolvConf;
  readonly loops: Loops;
  readonly exchange: Exchange;
  /** Keys of the containers whose 127.0.0.11 is ours. */
  readonly attached: () => ReadonlySet<string>;
}): Pick<Control, "doctor"> {
  const { clock, log, registry, loops, exchange } = options;

  async function leadsBack(asked: { server: ServerAddress; dialer: Dialer }): Promise<boolean> {
    loops.check(asked, exchange);
    await new Promise<void>((resolve) => clock.after(TRAVEL_MS, resolve));
    return loops.isLoop(asked.dialer.scope, asked.server);
  }

  return {
    doctor(progress, signal) {
      const config = options.config();
      const hostResolvConf = options.hostResolvConf();
      const attached = options.attached();
      // Those that lead back, too: it is said of them.
      const { servers } = hostSelection(config, hostResolvConf, () => false);
      const upstreams = [...servers, ...[...config.domains.values()].flat()];
      return runDoctor({
        surroundings: {
          clock,
          registry,
          config,
          upstreams: [...new Map(upstreams.map((server) => [formatServer(server), server])).values()],
          leadsBack,
          isAttached: (key) => attached.has(key),
        },
        checks,
        hostResolvConf,
        exchange,
        log,
        checked: (checked) => progress({ checked, of: checks.length }),
        signal,
      });
    },
  };
}
