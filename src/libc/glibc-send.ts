import { formatSocketAddress, type SocketAddress } from "../base/address.ts";
import { glibcDatagrams } from "./glibc-datagrams.ts";
import { glibcSockets } from "./glibc-sockets.ts";
import type { GlibcState } from "./glibc-state.ts";
import { glibcStream } from "./glibc-stream.ts";
import { NetworkError } from "./network.ts";
import type { Query, Reply } from "./query.ts";
import { DNS_PORT, type Stub } from "./stub.ts";

/**
 * How one round with one server ended:
 * - `answers`: one or two replies in the order in which they came, at least one of them;
 * - `next`: the next server shall be tried;
 * - `tcp`: the same server shall be asked over TCP.
 */
export type Round =
  | { readonly end: "answers"; readonly replies: readonly Reply[] }
  | { readonly end: "next" }
  | { readonly end: "tcp" };

/** What a round leaves behind for the end of the whole, as in `__res_context_send`. */
export interface Progress {
  /** Anything came or any time ran out: what fails now is a timeout, no refusal. */
  gotSomewhere: boolean;
  /** Of the message last read into the first buffer, which the search looks at afterwards; 0 if none. */
  firstRcode: number;
  /** Of the last TCP failure. */
  tcpError: string;
}

/** What `res_send` gives: replies, or `errno` of its failure. */
export type Sent =
  | { readonly replies: readonly Reply[]; readonly firstRcode: number }
  | { readonly replies: undefined; readonly firstRcode: number; readonly errno: string };

/**
 * Asks the servers in turn, `attempts` times (`__res_context_send` of glibc 2.36). Two queries, A and AAAA, go out
 * together. Over TCP, after `use-vc` or a truncated reply, each server gets one attempt only.
 */
export async function glibcSend(stub: Stub, state: GlibcState, queries: readonly Query[]): Promise<Sent> {
  const { nameservers, attempts, flags } = state.conf;
  const progress: Progress = { gotSomewhere: false, firstRcode: 0, tcpError: "ETIMEDOUT" };
  const offset = flags.has("rotate") ? state.rotation++ % nameservers.length : 0;
  const sockets = glibcSockets(stub);
  let overTcp = flags.has("use-vc");

  async function round(index: number): Promise<Round> {
    const server = { address: nameservers[index]!, port: DNS_PORT };
    if (overTcp) return await glibcStream(stub, queries, server, progress);
    try {
      return await glibcDatagrams(stub, state, queries, { server, index, sockets }, progress);
    } catch (error) {
      sockets.closeAll();
      if (!(error instanceof NetworkError)) throw error;
      stub.timeline.add({ event: "error", ...describeServer(server), transport: "udp", text: error.code });
      return { end: "next" };
    }
  }

  try {
    for (let attempt = 0; attempt < attempts; attempt++) {
      for (let shift = 0; shift < nameservers.length; shift++) {
        const index = (shift + offset) % nameservers.length;
        let done = await round(index);
        if (done.end === "tcp") {
          overTcp = true;
          done = await round(index);
        }
        if (done.end === "answers") return { replies: done.replies, firstRcode: progress.firstRcode };
      }
      if (overTcp) break;
    }
  } finally {
    sockets.closeAll();
  }
  const errno = overTcp ? progress.tcpError : progress.gotSomewhere ? "ETIMEDOUT" : "ECONNREFUSED";
  return { replies: undefined, firstRcode: progress.firstRcode, errno };
}

/** What the timeline says of a server. */
export function describeServer(server: SocketAddress): { readonly server: string } {
  return { server: formatSocketAddress(server) };
}
