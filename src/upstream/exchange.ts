import { randomInt } from "node:crypto";
import type { SocketAddress } from "../base/address.ts";
import { composeMessage } from "../wire/compose.ts";
import { Opcode, Rcode } from "../wire/iana.ts";
import type { Message, Question } from "../wire/message.ts";
import type { Dialer } from "./dialer.ts";
import { type Mismatch, matchReply } from "./match-reply.ts";
import type { Transport } from "./round-trip.ts";
import { askTcp } from "./tcp.ts";
import { askUdp } from "./udp.ts";

/** One question to one server. */
export interface ExchangeCall {
  readonly server: SocketAddress;
  readonly dialer: Dialer;
  readonly question: Question;
  readonly flags: Flags;
  /** The only time limit. */
  readonly signal: AbortSignal;
  /** Called before each message goes out; false forbids it, and the exchange rejects with `SendForbidden`. */
  readonly maySend?: (transport: "udp" | "tcp", withEdns: boolean) => boolean;
  /** Called for each message from the server's address and port that is not its reply. */
  readonly onMismatch?: (why: Mismatch) => void;
}

/** The client's bits, which go on to the upstream. */
export interface Flags {
  readonly rd: boolean;
  readonly cd: boolean;
  readonly ad: boolean;
  readonly do: boolean;
}

export type Exchange = (call: ExchangeCall) => Promise<Message>;

/** `maySend` said no. */
export class SendForbidden extends Error {
  override readonly name = "SendForbidden";
}

/**
 * Asks over UDP; once more without EDNS if the server does not understand it (RFC 6891 §7), over TCP if the reply
 * was truncated (RFC 7766 §5). The message is whatever the server said, SERVFAIL too; what that means is the
 * caller's to judge. Rejects with the system's error, or with `signal.reason`. No socket outlives it.
 */
export const exchange: Exchange = async (call) => {
  let withEdns = true;
  let reply = await ask(call, "udp", withEdns);
  if (rejectsEdns(reply)) {
    withEdns = false;
    reply = await ask(call, "udp", withEdns);
  }
  if (!reply.header.tc) return reply;
  const whole = await ask(call, "tcp", withEdns);
  // A stream has no such limit: what is cut off here is broken, and must not pass for the whole.
  if (whole.header.tc) throw new Error("its answer was cut off even over TCP");
  return whole;
};

/** What fits every path without fragments (DNS Flag Day 2020; RFC 9715 §3.2). */
const UDP_PAYLOAD_OCTETS = 1232;

const transports: Readonly<Record<"udp" | "tcp", Transport>> = { udp: askUdp, tcp: askTcp };

async function ask(call: ExchangeCall, transport: "udp" | "tcp", withEdns: boolean): Promise<Message> {
  const { server, dialer, question, flags, signal, maySend, onMismatch } = call;
  if (maySend?.(transport, withEdns) === false) throw new SendForbidden(`no more sends over ${transport}`);
  // A new id for every send, from the same source as keys (RFC 5452 §9.2).
  const id = randomInt(0x1_0000);
  return transports[transport]({
    server,
    dialer,
    signal,
    request: composeMessage(requestMessage(id, question, flags, withEdns)),
    read(octets) {
      const matched = matchReply(octets, id, question);
      if (typeof matched !== "string") return matched;
      onMismatch?.(matched);
      return undefined;
    },
  });
}

/** No option is passed on, EDNS being hop by hop (RFC 6891 §6.1.1), and none is added: no Client Subnet either. */
function requestMessage(id: number, question: Question, flags: Flags, withEdns: boolean): Message {
  const { rd, cd, ad } = flags;
  return {
    header: { id, qr: false, opcode: Opcode.QUERY, aa: false, tc: false, rd, ra: false, ad, cd, rcode: 0 },
    questions: [question],
    answers: [],
    authority: [],
    additional: [],
    ...(withEdns && { edns: { udpPayloadSize: UDP_PAYLOAD_OCTETS, version: 0, do: flags.do, options: [] } }),
  };
}

/** BADVERS to version 0, or an error without an OPT: a server that predates EDNS (RFC 6891 §7). */
function rejectsEdns({ header, edns }: Message): boolean {
  if (header.rcode === Rcode.BADVERS) return true;
  return edns === undefined && (header.rcode === Rcode.FORMERR || header.rcode === Rcode.NOTIMP);
}
