import type { SocketAddress } from "../base/address.ts";
import { describeServer, type Progress, type Round } from "./glibc-send.ts";
import { createInbox } from "./inbox.ts";
import type { TcpEvent } from "./network.ts";
import { describeQuery, describeReply, type Query, type Reply, readReply } from "./query.ts";
import type { Stub } from "./stub.ts";

/**
 * One round with one server over TCP (`send_vc` of glibc 2.36): both queries on one connection, one after the other
 * without waiting. `timeout` and `attempts` mean nothing here: the kernel's patience with the connection is the only
 * limit (some 130 s), and an answer that never comes on an open one is waited for for ever. Whatever comes is taken,
 * errors, too. After a reset the same server is asked once more.
 */
export async function glibcStream(
  { clock, network, timeline }: Stub,
  queries: readonly Query[],
  server: SocketAddress,
  progress: Progress,
): Promise<Round> {
  const about = { ...describeServer(server), transport: "tcp" } as const;
  for (let isAgain = false; ; isAgain = true) {
    const inbox = createInbox<TcpEvent>(clock);
    timeline.add({ event: "connect", ...about, text: "connects" });
    const socket = network.tcp(server, inbox.put);
    try {
      const open = new Set(queries);
      const replies: Reply[] = [];
      while (open.size > 0) {
        const event = (await inbox.take(Number.POSITIVE_INFINITY))!;
        const seen = { ...about, socket: socket.local || null };
        if (event.kind === "open") {
          timeline.add({ event: "connect", ...seen, text: "connected" });
          for (const query of queries) {
            timeline.add({ event: "send", ...seen, ...describeQuery(query) });
            socket.send(query.octets);
          }
        } else if (event.kind === "end") {
          const code = event.code ?? "closed without an answer";
          timeline.add({ event: "error", ...seen, text: code });
          progress.tcpError = event.code ?? "OK";
          if (event.code === "ECONNRESET" && !isAgain) break;
          return { end: "next" };
        } else {
          const reply = readReply(event.octets);
          const query = [...open].find(({ id }) => id === reply?.id);
          if (reply === undefined || query === undefined) {
            timeline.add({
              event: "receive",
              ...seen,
              id: reply?.id ?? null,
              text: "answers no open question; ignored",
            });
            if (reply === undefined) return { end: "next" };
            continue;
          }
          timeline.add({ event: "receive", ...seen, ...describeQuery(query), ...describeReply(reply) });
          if (open.size === queries.length) progress.firstRcode = reply.rcode;
          open.delete(query);
          replies.push(reply);
        }
      }
      if (open.size === 0) return { end: "answers", replies };
      timeline.add({ event: "retry", ...about, text: "the connection was reset: once more" });
    } finally {
      socket.close();
    }
  }
}
