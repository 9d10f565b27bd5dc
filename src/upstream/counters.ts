/** What forwarders did since the start; several may share one. Plain numbers that only grow, for metrics. */
export interface UpstreamCounters {
  /** Messages sent for queries, by transport, resends too; not what is asked beside them, to learn about a server. */
  udp: number;
  tcp: number;
  tls: number;
  /** Of these, sent again without EDNS because the server does not know it. */
  withoutEdns: number;
  /** Messages that came from a server's address and port but were no reply to the question asked. */
  forged: number;
  /** Servers that were silent for their usual time. */
  late: number;
  /** Servers asked beside one that was late, before it was overdue. */
  hedges: number;
  /** Replies that say nothing about the name (SERVFAIL, REFUSED, ...), and network errors: each moved on to the next server. */
  movedOn: number;
  /** Servers that were down and tried again beside a query. */
  retries: number;
  /** Queries for a type that no server answered, though it answered for A: answered with NODATA. */
  silent: number;
  /** Queries that no server answered. */
  failed: number;
}

export function upstreamCounters(): UpstreamCounters {
  return {
    udp: 0,
    tcp: 0,
    tls: 0,
    withoutEdns: 0,
    forged: 0,
    late: 0,
    hedges: 0,
    movedOn: 0,
    retries: 0,
    silent: 0,
    failed: 0,
  };
}
