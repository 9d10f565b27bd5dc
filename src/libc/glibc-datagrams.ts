import type { SocketAddress } from "../base/address.ts";
import { Rcode } from "../wire/iana.ts";
import { describeServer, type Progress, type Round } from "./glibc-send.ts";
import type { GlibcSockets } from "./glibc-sockets.ts";
import { type GlibcState, glibcWaitMs } from "./glibc-state.ts";
import { NetworkError } from "./network.ts";
import { describeQuery, describeReply, type Query, type Reply, readReply, repeats } from "./query.ts";
import type { Stub } from "./stub.ts";

/** What a server says that can't or won't: glibc goes on to the next. */
const REJECTED: readonly number[] = [Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED];

/**
 * One round with one server over UDP (`send_dg` of glibc 2.36). Both queries leave from one socket at once, unless
 * `single-request` holds the second back until the first is answered; with `single-request-reopen` the second gets a
 * socket of its own. When time runs out with one of two answered, glibc starts over in the next careful mode and
 * remembers it; in the last one it is content with half an answer. Each such start has the whole time again. Throws NetworkError for what ends the round.
 */
export async function glibcDatagrams(
  stub: Stub,
  state: GlibcState,
  queries: readonly Query[],
  { server, index, sockets }: Place,
  progress: Progress,
): Promise<Round> {
  const { clock, timeline } = stub;
  const waitMs = glibcWaitMs(state.conf, index);
  const about = { ...describeServer(server), transport: "udp" } as const;
  const hadGotSomewhere = progress.gotSomewhere;
  const oneByOne = () => state.singleRequest || state.singleRequestReopen;

  for (;;) {
    const began = clock.now();
    const unsent = [...queries];
    const open = new Set(queries);
    const good: Reply[] = [];
    let socket = await sockets.to(server);
    const seen = () => ({ ...about, socket: socket.udp.local });
    const send = (query: Query | undefined) => {
      if (query === undefined) return;
      timeline.add({ event: "send", ...seen(), ...describeQuery(query) });
      socket.udp.send(query.octets, server);
    };
    send(unsent.shift());
    if (!oneByOne()) send(unsent.shift());

    while (open.size > 0) {
      const event = await socket.inbox.take(began + waitMs - clock.now());
      if (event === undefined) {
        const waitedMs = Math.round(clock.now() - began);
        for (const query of open)
          if (!unsent.includes(query))
            timeline.add({ event: "timeout", ...seen(), ...describeQuery(query), waitedMs });
        break;
      }
      if (event.kind === "error") throw new NetworkError(event.code);
      progress.gotSomewhere = true;
      const reply = readReply(event.octets);
      const query = reply === undefined ? undefined : [...open].find((asked) => answers(reply, asked));
      if (reply === undefined || query === undefined) {
        timeline.add({
          event: "receive",
          ...seen(),
          id: reply?.id ?? null,
          text: "answers no open question",
        });
        if (reply === undefined) throw new NetworkError("EMSGSIZE");
        continue;
      }
      const told = { event: "receive", ...seen(), ...describeQuery(query), ...describeReply(reply) } as const;
      const isFirst = open.size === queries.length;
      if (isFirst) progress.firstRcode = reply.rcode;
      open.delete(query);
      if (isRejection(reply)) {
        timeline.add({ ...told, text: rejectionText(reply) });
        if (isFirst && open.size > 0 && !oneByOne()) continue;
        if (good.length > 0) return { end: "answers", replies: good };
        if (isFirst) sockets.closeAll();
        return { end: "next" };
      }
      if (reply.tc) {
        timeline.add({ ...told, text: "truncated: asks again over TCP" });
        sockets.closeAll();
        return { end: "tcp" };
      }
      timeline.add(told);
      good.push(reply);
      if (open.size > 0 && unsent.length > 0) {
        if (state.singleRequestReopen) {
          sockets.closeAll();
          socket = await sockets.to(server);
        }
        send(unsent.shift());
      }
    }

    if (open.size === 0) return { end: "answers", replies: good };
    if (good.length === 0) {
      progress.gotSomewhere = true;
      return { end: "next" };
    }
    if (state.singleRequestReopen) {
      timeline.add({ event: "give-up", ...about, text: "is content with half an answer" });
      return { end: "answers", replies: good };
    }
    const isFirstTime = !state.singleRequest;
    progress.gotSomewhere = hadGotSomewhere;
    if (isFirstTime) state.singleRequest = true;
    else {
      state.singleRequestReopen = true;
      sockets.closeAll();
    }
    const way = isFirstTime
      ? "single-request: one after the other"
      : "single-request-reopen: from two sockets";
    timeline.add({
      event: "retry",
      ...about,
      text: `half an answer; both again as with ${way}, from now on`,
    });
  }
}

/** Where a round takes place. */
export interface Place {
  readonly server: SocketAddress;
  /** In resolv.conf, from 0. */
  readonly index: number;
  readonly sockets: GlibcSockets;
}

/** An error may come without the question (observed with 2.36 of Debian 12, glibc bug 31890). */
function answers(reply: Reply, query: Query): boolean {
  if (reply.id !== query.id) return false;
  return repeats(reply, query) || (REJECTED.includes(reply.rcode) && reply.counts.questions === 0);
}

/** A server without recursion, and without authority, that knows nothing: glibc takes it for a referral. */
function isLame({ rcode, aa, ra, counts }: Reply): boolean {
  return rcode === Rcode.NOERROR && counts.answers === 0 && counts.additional === 0 && !aa && !ra;
}

function isRejection(reply: Reply): boolean {
  return REJECTED.includes(reply.rcode) || isLame(reply);
}

function rejectionText(reply: Reply): string {
  return isLame(reply)
    ? "no data, but neither RA nor AA: counts as a referral, so the next server is asked"
    : "counts as no answer";
}
