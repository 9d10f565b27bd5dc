import type { Clock } from "../base/clock.ts";

/** What happened in a lookup, in order. Everything that is not known or does not apply is null. */
export interface TimelineEvent {
  /** Milliseconds since the lookup began. */
  readonly atMs: number;
  /**
   * - `hosts`: the hosts file (or the name itself, being an address) gave the answer;
   * - `connect`: a TCP connection is opened, or stands;
   * - `send`, `receive`: a message left or came; one that came and was not used says why in `text`;
   * - `timeout`: nothing came for `waitedMs`;
   * - `error`: the system reported `text`, ECONNREFUSED for instance;
   * - `retry`: libc goes on in another way, told in `text`;
   * - `give-up`: libc asks no more for this name, or at all.
   */
  readonly event: "hosts" | "connect" | "send" | "receive" | "timeout" | "error" | "retry" | "give-up";
  /** `10.0.0.1:53` */
  readonly server: string | null;
  readonly transport: "udp" | "tcp" | null;
  /** The socket's own address and port, by which one tells which queries share a socket. */
  readonly socket: string | null;
  readonly id: number | null;
  readonly qname: string | null;
  readonly qtype: string | null;
  readonly rcode: string | null;
  /** Addresses that a message brought. */
  readonly answers: readonly string[] | null;
  readonly waitedMs: number | null;
  readonly text: string | null;
}

/** Everything but the time and the kind may be left out. */
export type Entry = Pick<TimelineEvent, "event"> & Partial<Omit<TimelineEvent, "atMs">>;

export interface Timeline {
  readonly events: readonly TimelineEvent[];
  add(entry: Entry): void;
}

export function createTimeline(clock: Clock): Timeline {
  const began = clock.now();
  const events: TimelineEvent[] = [];
  return {
    events,
    add(entry) {
      const atMs = Math.round((clock.now() - began) * 1000) / 1000;
      events.push({ atMs, ...NOTHING, ...entry });
    },
  };
}

const NOTHING = {
  server: null,
  transport: null,
  socket: null,
  id: null,
  qname: null,
  qtype: null,
  rcode: null,
  answers: null,
  waitedMs: null,
  text: null,
} as const;
