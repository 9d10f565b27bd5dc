import { formatSocketAddress, type SocketAddress } from "../base/address.ts";
import { Rcode } from "../wire/iana.ts";
import { createInbox } from "./inbox.ts";
import type { TcpEvent, TcpSocket, UdpEvent } from "./network.ts";
import { describeQuery, describeReply, type Query, type Reply, readReply } from "./query.ts";
import { DNS_PORT, type Stub } from "./stub.ts";
import type { StubConf } from "./stub-conf.ts";

/** An event of the datagram socket, or of the connection of one query. */
type Event = UdpEvent | { readonly kind: "tcp"; readonly query: Query; readonly event: TcpEvent };

/**
 * Asks all servers at once (`__res_msend` of musl): every query to every server from one unconnected socket, again
 * every `timeout / attempts`, until each query has an answer or `timeout` is over. NOERROR and NXDOMAIN are answers, the
 * first one counts; SERVFAIL is answered with the same query at once, a few times; other rcodes are as good as
 * silence, and so are ICMP errors. Whoever sent a truncated reply is asked over TCP, since 1.2.4.
 */
export async function muslSend(
  { clock, network, timeline }: Stub,
  conf: StubConf,
  queries: readonly Query[],
  hasTcp: boolean,
): Promise<ReadonlyMap<Query, Reply>> {
  const timeoutMs = conf.timeoutS * 1000;
  const intervalMs = Math.floor(timeoutMs / conf.attempts);
  const servers = conf.nameservers.map((address) => ({ address, port: DNS_PORT }));
  const replies = new Map<Query, Reply>();
  const connections = new Map<Query, TcpSocket>();
  const inbox = createInbox<Event>(clock);
  const family = servers.some(({ address }) => address.includes(":")) ? 6 : 4;
  const socket = await network.udp(family, undefined, inbox.put);
  const udp = () => ({ transport: "udp", socket: socket.local }) as const;
  const only = servers.length === 1 ? { server: formatSocketAddress(servers[0]!) } : {};
  let servfailRetries = 0;

  function send(query: Query, server: SocketAddress): void {
    timeline.add({ event: "send", ...udp(), server: formatSocketAddress(server), ...describeQuery(query) });
    socket.send(query.octets, server);
  }
  function receive(octets: Uint8Array, server: SocketAddress): void {
    const reply = readReply(octets);
    const query = queries.find(({ id }) => id === reply?.id);
    const seen = { event: "receive", ...udp(), server: formatSocketAddress(server) } as const;
    const isOpen = query !== undefined && !replies.has(query) && !connections.has(query);
    if (reply === undefined || !isOpen) {
      const text = query === undefined ? "answers no question" : "came second";
      timeline.add({ ...seen, ...(query === undefined ? {} : describeQuery(query)), text });
      return;
    }
    const told = { ...seen, ...describeQuery(query), ...describeReply(reply) };
    if (reply.rcode === Rcode.SERVFAIL) {
      timeline.add({ ...told, text: "counts as no answer; asks again at once" });
      if (servfailRetries-- > 0) send(query, server);
    } else if (reply.rcode !== Rcode.NOERROR && reply.rcode !== Rcode.NXDOMAIN) {
      timeline.add({ ...told, text: "counts as no answer" });
    } else if (reply.tc && hasTcp) {
      timeline.add({ ...told, text: "truncated: asks again over TCP" });
      timeline.add({ event: "connect", server: seen.server, transport: "tcp", text: "connects" });
      connections.set(
        query,
        network.tcp(server, (event) => inbox.put({ kind: "tcp", query, event })),
      );
    } else {
      timeline.add(reply.tc ? { ...told, text: "truncated: takes what is in it" } : told);
      replies.set(query, reply);
    }
  }
  /** False when it goes wrong, which ends the whole lookup. */
  function receiveTcp(query: Query, event: TcpEvent): boolean {
    const connection = connections.get(query)!;
    const seen = { transport: "tcp", socket: connection.local || null, ...describeQuery(query) } as const;
    if (event.kind === "open") {
      timeline.add({ event: "send", ...seen });
      connection.send(query.octets);
      return true;
    }
    const reply = event.kind === "message" ? readReply(event.octets) : undefined;
    if (event.kind === "end" || reply === undefined) {
      const text = event.kind === "end" ? (event.code ?? "closed without an answer") : "not a message";
      timeline.add({ event: "error", ...seen, text });
      return false;
    }
    timeline.add({ event: "receive", ...seen, ...describeReply(reply) });
    if (reply.rcode !== Rcode.NOERROR && reply.rcode !== Rcode.NXDOMAIN) return false;
    replies.set(query, reply);
    connection.close();
    return true;
  }

  try {
    const began = clock.now();
    let lastSent = Number.NEGATIVE_INFINITY;
    while (replies.size < queries.length && clock.now() - began < timeoutMs) {
      if (clock.now() - lastSent >= intervalMs) {
        for (const query of queries)
          if (!replies.has(query) && !connections.has(query))
            for (const server of servers) send(query, server);
        lastSent = clock.now();
        servfailRetries = 2 * queries.length;
      }
      const event = await inbox.take(lastSent + intervalMs - clock.now());
      if (event === undefined) {
        const waitedMs = Math.round(clock.now() - lastSent);
        for (const query of queries)
          if (!replies.has(query))
            timeline.add({ event: "timeout", ...udp(), ...only, ...describeQuery(query), waitedMs });
      } else if (event.kind === "message") receive(event.octets, event.from);
      else if (event.kind === "error") timeline.add({ event: "error", ...udp(), text: event.code });
      else if (!receiveTcp(event.query, event.event)) break;
    }
    return replies;
  } finally {
    socket.close();
    for (const connection of connections.values()) connection.close();
  }
}
