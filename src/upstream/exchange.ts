import type { Clock } from "../base/clock.ts";
import { onAbort, type Signal } from "../base/on-abort.ts";
import type { ServerAddress } from "../base/server-address.ts";
import { Stopper } from "../base/stopper.ts";
import { composeMessage } from "../wire/compose.ts";
import { Opcode, Rcode } from "../wire/iana.ts";
import type { Message, Question } from "../wire/message.ts";
import type { Dialer } from "./dialer.ts";
import { type Mismatch, matchReply } from "./match-reply.ts";
import type { Transport } from "./round-trip.ts";
import { streams } from "./streams.ts";
import { askUdp } from "./udp.ts";

/** One question to one server. */
export interface ExchangeCall {
  readonly server: ServerAddress;
  readonly dialer: Dialer;
  readonly question: Question;
  readonly flags: Flags;
  /** The only time limit. */
  readonly signal: Signal;
  /** TCP from the start, for a server that is otherwise asked over UDP. */
  readonly overTcp?: boolean;
  /** Not on a connection, or from a port, that served before. */
  readonly fresh?: boolean;
  /** How long TCP may take for what UDP has cut off; as long as the signal allows without it. */
  readonly wholeWithinMs?: () => number;
  /** Called before each message goes out; false forbids it, and the exchange rejects with `SendForbidden`. */
  readonly maySend?: (transport: TransportName, withEdns: boolean) => boolean;
  /** Called for each message from the server's address and port that is not its reply. */
  readonly onMismatch?: (why: Mismatch) => void;
}

export type TransportName = "udp" | "tcp" | "tls";

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

/** The server's reply over UDP was cut off, and the whole is not to be had over TCP; `cause` says why. */
export class CutOff extends Error {
  override readonly name = "CutOff";
}

/** The beginning of the reply has come already: so long no connection is a firewall's doing. */
const CONNECT_WITHIN_MS = 600;
/** A SYN that is lost is sent again after a second only: another connection is quicker. */
const CONNECT_AGAIN_MS = 250;

/**
 * Asks over UDP; once more without EDNS if the server does not understand it (RFC 6891 §7), over TCP if the reply
 * was truncated (RFC 7766 §5). A server of another transport is asked over that alone. The message is whatever the
 * server said, SERVFAIL too; what that means is the caller's to judge. Rejects with the system's error, with
 * `CutOff`, or with `signal.reason`. No UDP socket outlives it; connections are kept where the dialer allows it.
 */
export function exchanger({ clock }: { clock: Clock }): Exchange {
  const overStream = streams({ clock });
  const transports: Readonly<Record<TransportName, Transport>> = {
    udp: askUdp,
    tcp: overStream,
    tls: overStream,
  };

  return async function exchange(call) {
    const transport = call.server.transport ?? (call.overTcp ? "tcp" : "udp");
    let withEdns = true;
    let reply = await ask(call, transport, withEdns);
    if (rejectsEdns(reply)) {
      withEdns = false;
      reply = await ask(call, transport, withEdns);
    }
    if (!reply.header.tc) return reply;
    // A stream has no such limit: what is cut off here is broken, and must not pass for the whole.
    if (transport !== "udp") throw new Error(CUT_OFF_TOO);
    return wholeReply(call, withEdns);
  };

  async function wholeReply(call: ExchangeCall, withEdns: boolean): Promise<Message> {
    const { signal } = call;
    const limit = new Stopper();
    const giveUpAfter = (ms: number) => clock.after(ms, () => limit.abort(timedOut(ms)));
    const cancelConnecting = giveUpAfter(CONNECT_WITHIN_MS);
    const ms = call.wholeWithinMs?.();
    const cancel = ms === undefined ? () => {} : giveUpAfter(ms);
    const forget = onAbort(signal, () => limit.abort(signal.reason));
    try {
      const whole = await askTwice({ ...call, signal: limit }, withEdns, cancelConnecting);
      if (whole.header.tc) throw new Error(CUT_OFF_TOO);
      return whole;
    } catch (cause) {
      signal.throwIfAborted();
      throw new CutOff("its answer was cut off", { cause });
    } finally {
      cancelConnecting();
      cancel();
      forget();
      limit.abort(DONE);
    }
  }

  /** The second time on another connection, if it comes to that; whichever is answered first. */
  function askTwice(call: ExchangeCall, withEdns: boolean, onConnected: () => void): Promise<Message> {
    const askTcp = async (fresh: boolean) => ask({ ...call, fresh }, "tcp", withEdns, onConnected);
    return new Promise((resolve, reject) => {
      let pending = 1;
      const cancel = clock.after(CONNECT_AGAIN_MS, () => {
        pending += 1;
        askTcp(true).then(resolve, failed);
      });
      function failed(error: unknown): void {
        pending -= 1;
        if (pending > 0) return;
        cancel();
        reject(error);
      }
      askTcp(call.fresh ?? false).then((whole) => {
        cancel();
        resolve(whole);
      }, failed);
    });
  }

  function ask(
    call: ExchangeCall,
    transport: TransportName,
    withEdns: boolean,
    onConnected?: () => void,
  ): Promise<Message> {
    const { server, dialer, question, flags, signal, maySend, onMismatch } = call;
    if (maySend?.(transport, withEdns) === false) throw new SendForbidden(`no more sends over ${transport}`);
    return transports[transport]({
      server,
      dialer,
      signal,
      onConnected,
      fresh: call.fresh ?? false,
      request: composeMessage(requestMessage(question, flags, withEdns)),
      read(octets, id) {
        const matched = matchReply(octets, id, question);
        if (typeof matched !== "string") return matched;
        onMismatch?.(matched);
        return undefined;
      },
    });
  }
}

const CUT_OFF_TOO = "its answer was cut off even over TCP";

/** Made once: an error takes its stack trace. */
const DONE = new Error("the exchange is over");

function timedOut(ms: number): Error {
  return Object.assign(new Error(`no answer over TCP for ${ms} ms`), { code: "ETIMEDOUT" });
}

/** What fits every path without fragments (DNS Flag Day 2020; RFC 9715 §3.2). */
const UDP_PAYLOAD_OCTETS = 1232;

/** No option is passed on, EDNS being hop by hop (RFC 6891 §6.1.1), and none is added: no Client Subnet either. */
function requestMessage(question: Question, flags: Flags, withEdns: boolean): Message {
  const { rd, cd, ad } = flags;
  const header = {
    id: 0,
    qr: false,
    opcode: Opcode.QUERY,
    aa: false,
    tc: false,
    rd,
    ra: false,
    ad,
    cd,
    rcode: 0,
  };
  const message = { header, questions: [question], answers: [], authority: [], additional: [] };
  if (!withEdns) return message;
  const edns = { udpPayloadSize: UDP_PAYLOAD_OCTETS, version: 0, do: flags.do, options: [] };
  return { ...message, edns };
}

/** BADVERS to version 0, or an error without an OPT: a server that predates EDNS (RFC 6891 §7). */
function rejectsEdns({ header, edns }: Message): boolean {
  if (header.rcode === Rcode.BADVERS) return true;
  return edns === undefined && (header.rcode === Rcode.FORMERR || header.rcode === Rcode.NOTIMP);
}
