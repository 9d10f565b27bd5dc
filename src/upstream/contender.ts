import { formatSocketAddress, type SocketAddress } from "../base/address.ts";
import type { Dialer } from "./dialer.ts";
import type { Verdict } from "./failures.ts";
import { type Health, serverKey } from "./health.ts";
import type { Lane } from "./race.ts";

/** One server in one query. */
export interface Contender extends Lane {
  readonly server: SocketAddress;
  /** `10.0.0.1:53`. */
  readonly label: string;
  /** In `health`. */
  readonly key: string;
  readonly sent: { udp: number; tcp: number };
  /** Undefined while it may still answer. */
  verdict: Verdict | undefined;
}

/** Each server once, best first. */
export function contendersOf(
  servers: readonly SocketAddress[],
  dialer: Dialer,
  health: Health,
): readonly Contender[] {
  const byKey = new Map<string, Contender>();
  for (const server of servers) {
    const label = formatSocketAddress(server);
    const key = serverKey(dialer.scope, server);
    const patienceMs = health.patienceMs(key);
    const sent = { udp: 0, tcp: 0 };
    byKey.set(key, {
      server,
      label,
      key,
      patienceMs,
      sent,
      sends: 0,
      late: false,
      out: false,
      verdict: undefined,
    });
  }
  return health.order([...byKey.values()], ({ key }) => key);
}
