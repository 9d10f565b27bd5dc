import { formatServer, type ServerAddress } from "../base/server-address.ts";
import type { Stopper } from "../base/stopper.ts";
import type { Message } from "../wire/message.ts";
import type { Dialer } from "./dialer.ts";
import type { TransportName } from "./exchange.ts";
import type { Verdict } from "./failures.ts";
import { type Health, serverKey } from "./health.ts";
import type { Mismatch } from "./match-reply.ts";
import type { Lane } from "./race.ts";
import type { Witness } from "./witness.ts";

/** One server in one query. */
export interface Contender extends Lane {
  readonly server: ServerAddress;
  /** `10.0.0.1:53`. */
  readonly label: string;
  /** In `health`. */
  readonly key: string;
  readonly isDown: boolean;
  /** Said to be silent on what is asked. */
  readonly isSilent: boolean;
  readonly sent: Record<TransportName, number>;
  /** When it was first asked. */
  askedAt: number | undefined;
  /** It has replied, whatever it said. */
  heard: boolean;
  /** Its reply over UDP was cut off, and the whole is awaited over TCP. */
  isCutOff: boolean;
  /** Why what last came from it was no reply; undefined if nothing came. */
  mismatch: Mismatch | undefined;
  /** Its silence was told to health, or is being looked into. */
  judged: boolean;
  /** How it answers for A; undefined before it did. */
  witness: Witness | undefined;
  /** Undefined while it may still answer. */
  verdict: Verdict | undefined;
  /** Ends the wait of its NXDOMAIN for those that are preferred to it. */
  hold: Stopper | undefined;
  /** What it said that others may know better, and that is relayed if they don't. */
  halfHearted: Message | undefined;
}

/** The fourth send goes over TCP: it bears loss, and gets through where UDP is shut off. */
const UDP_MAX_SENDS = 4;
/** A stream loses nothing; the second send is for a connection that was dead. */
const STREAM_MAX_SENDS = 2;
/** Where all are known to be down, this is enough to notice that one has come back. */
const DOWN_MAX_SENDS = 2;

/** For a side type: so soon that each server was asked twice before it can be taken for silent (`silence-watch.ts`). */
const SIDE_OVERDUE_MS = 200;

/** Each server once, in the order given. */
export function contendersOf(
  servers: readonly ServerAddress[],
  {
    dialer,
    health,
    isSide,
    isSilent,
  }: { dialer: Dialer; health: Health; isSide: boolean; isSilent: (key: string) => boolean },
): readonly Contender[] {
  const keys = new Map(servers.map((server) => [serverKey(dialer.scope, server), server]));
  const allDown = [...keys.keys()].every(health.isDown);
  return [...keys].map(([key, server]) => ({
    server,
    label: formatServer(server),
    key,
    patienceMs: health.usualMs(key),
    overdueMs: isSide ? Math.max(SIDE_OVERDUE_MS, health.usualMs(key)) : health.overdueMs(key),
    isDown: health.isDown(key),
    isSilent: isSilent(key),
    isSpare: health.isDown(key) || isSilent(key),
    maxSends: allDown ? DOWN_MAX_SENDS : server.transport === undefined ? UDP_MAX_SENDS : STREAM_MAX_SENDS,
    sent: { udp: 0, tcp: 0, tls: 0 },
    sends: 0,
    late: false,
    out: false,
    askedAt: undefined,
    heard: false,
    isCutOff: false,
    mismatch: undefined,
    judged: false,
    witness: undefined,
    verdict: undefined,
    hold: undefined,
    halfHearted: undefined,
  }));
}
