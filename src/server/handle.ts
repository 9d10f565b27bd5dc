import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { answer as reply } from "../resolver/reply.ts";
import type { Answer, Client, Query, Resolver } from "../resolver/resolver.ts";
import { noTrace } from "../resolver/trace.ts";
import { extendedErrorOption } from "../wire/edns.ts";
import { Rcode } from "../wire/iana.ts";
import type { Edns, Message, Question } from "../wire/message.ts";
import { parseCounts, parseMessage } from "../wire/parse.ts";
import { composeWithin } from "../wire/truncate.ts";
import { accept, bareResponse } from "./accept.ts";
import { respond } from "./respond.ts";

/** The largest UDP response, whatever the client offers: what fits two Ethernet-sized fragments, as dig and Docker do. */
const UDP_LIMIT_MAX = 4096;
/** Without EDNS a response has at most 512 octets over UDP (RFC 1035 §4.2.1), and EDNS can't lower that (RFC 6891 §6.2.3). */
const UDP_LIMIT_MIN = 512;
const TCP_LIMIT = 65_535;
/** The payload size that we offer in our own OPT (RFC 9715 §3.1 calls 1232 the conservative choice). */
const OWN_UDP_PAYLOAD_SIZE = 1232;

/** One answered query, as counters and onlookers want it. */
export interface Observation {
  readonly client: Client;
  readonly question: Question;
  readonly answer: Answer;
  /** How long the pipeline took. */
  readonly ms: number;
}

/** Octets in, octets out. */
export interface Handler {
  /**
   * Answers one message. Undefined means silence: it was too short to be DNS, or itself a response. Never throws,
   * whatever the octets are; the octets are not kept. What is nobody's query gets SERVFAIL, so that libc asks again
   * at once.
   */
  handle(octets: Uint8Array, client: Client | undefined): Promise<Response | undefined>;
}

/** Messages that never got to the pipeline, which are no queries of anybody's. */
export interface Refused {
  /** Answered with FORMERR or NOTIMP. */
  readonly malformed: number;
  /** Too short for a header, or themselves responses: not answered. */
  readonly ignored: number;
  /** From a namespace of which nobody told whose it is: answered with SERVFAIL. */
  readonly unowned: number;
}

export interface Response {
  readonly octets: Uint8Array;
  /** What the pipeline said, if all of it is in the octets; undefined, too, for messages that never got there. */
  readonly answer: Answer | undefined;
}

/**
 * Everything between a listener and the pipeline: what listeners of any kind must not each do for themselves.
 * `resolver` is asked anew for each query, because a reload replaces it. `signal` ends what is still in flight.
 */
export function createHandler(options: {
  readonly resolver: () => Resolver;
  readonly observe: (observation: Observation) => void;
  readonly clock: Clock;
  readonly log: Logger;
  readonly signal: AbortSignal;
}): Handler & { readonly refused: Refused } {
  const refused = { malformed: 0, ignored: 0, unowned: 0 };

  async function handle(octets: Uint8Array, client: Client | undefined): Promise<Response | undefined> {
    const verdict = accept(octets);
    if (verdict === "ignore") {
      refused.ignored += 1;
      return undefined;
    }
    const parsed = verdict === "accept" ? parseMessage(octets) : undefined;
    const question = parsed?.ok ? parsed.message.questions[0] : undefined;
    if (!parsed?.ok || question === undefined) {
      refused.malformed += 1;
      return bare(octets, verdict === "accept" ? Rcode.FORMERR : verdict.rcode);
    }
    if (client === undefined) {
      refused.unowned += 1;
      return bare(octets, Rcode.SERVFAIL);
    }
    const begin = options.clock.now();
    const answer = isUnknownVersion(parsed.message)
      ? reply("none", { rcode: Rcode.BADVERS })
      : await ask(parsed.message, question, client);
    options.observe({ client, question, answer, ms: options.clock.now() - begin });
    return compose(parsed.message, answer, client, options.log);
  }

  function ask(message: Message, question: Question, client: Client): Promise<Answer> {
    const { rd, cd, ad } = message.header;
    const query: Query = {
      question,
      client,
      rd,
      cd,
      ad,
      do: message.edns?.do ?? false,
      signal: options.signal,
      trace: noTrace,
    };
    return respond(options.resolver(), query, options.log);
  }

  return { handle, refused };
}

/** An EDNS version that nobody has defined yet (RFC 6891 §6.1.3). */
function isUnknownVersion({ edns }: Message): boolean {
  return edns !== undefined && edns.version > 0;
}

function bare(octets: Uint8Array, rcode: number): Response {
  return { octets: bareResponse(octets, rcode), answer: undefined };
}

/** The octets that this client gets for its request; never throws. */
export function compose(
  request: Pick<Message, "header" | "questions" | "edns">,
  answer: Answer,
  client: Client,
  log: Logger,
): Response {
  const response = responseTo(request, answer);
  const limit = client.transport === "udp" ? udpLimit(request.edns) : TCP_LIMIT;
  try {
    // Container addresses are as good as one another, and old musl has to make do with those that fit.
    const partialAnswer = answer.origin === "registry";
    const { octets, truncated } = composeWithin(response, limit, { partialAnswer });
    const additional = response.additional.length + (response.edns === undefined ? 0 : 1);
    const isWhole = !truncated && parseCounts(octets)?.additional === additional;
    return { octets, answer: isWhole ? answer : undefined };
  } catch (error) {
    // An upstream's answer that was parsed can always be composed; a registry name has been checked by its source.
    log.error({ err: error, qname: request.questions[0]?.name }, "an answer could not be composed");
    const failed = composeWithin(responseTo(request, reply("none", { rcode: Rcode.SERVFAIL })), limit);
    return { octets: failed.octets, answer: undefined };
  }
}

function udpLimit(edns: Edns | undefined): number {
  return Math.min(UDP_LIMIT_MAX, Math.max(UDP_LIMIT_MIN, edns?.udpPayloadSize ?? UDP_LIMIT_MIN));
}

/**
 * RA is always set: glibc takes a NODATA without RA and AA for a reason to ask the next server. AD only for those
 * who can read it (RFC 6840 §5.8). EDNS is answered with EDNS, and only with it (RFC 6891 §6.1.1).
 */
function responseTo(request: Parameters<typeof compose>[0], answer: Answer): Message {
  const { id, opcode, rd, cd, ad } = request.header;
  const header = {
    id,
    qr: true,
    opcode,
    aa: answer.aa,
    tc: false,
    rd,
    ra: true,
    ad: answer.ad && (ad || request.edns?.do === true),
    cd,
    rcode: answer.rcode,
  };
  const { questions } = request;
  const { answers, authority, additional } = answer;
  const sections = { header, questions, answers, authority, additional };
  if (request.edns === undefined) return sections;
  const options = answer.ede.map(extendedErrorOption);
  const edns = { udpPayloadSize: OWN_UDP_PAYLOAD_SIZE, version: 0, do: request.edns.do, options };
  return { ...sections, edns };
}
