/** What forwarders did since the start; several may share one. Plain numbers that only grow, for metrics. */
export interface UpstreamCounters {
  /** Messages sent, by transport; retries and resends too. */
  udp: number;
  tcp: number;
  /** Of these, sent again without EDNS because the server does not know it. */
  withoutEdns: number;
  /** Messages that came from a server's address and port but were no reply to the question asked. */
  forged: number;
  /** Servers that were silent for their usual time, so that another was asked as well. */
  late: number;
  /** Replies with SERVFAIL, REFUSED or NOTIMP, and network errors: each moved on to the next server. */
  movedOn: number;
  /** Servers that were down and tried again beside a query. */
  retries: number;
  /** Queries that no server answered. */
  failed: number;
}

export function upstreamCounters(): UpstreamCounters {
  return { udp: 0, tcp: 0, withoutEdns: 0, forged: 0, late: 0, movedOn: 0, retries: 0, failed: 0 };
}
