import { composeMessage } from "../wire/compose.ts";
import { Opcode, Rcode, RrClass, type RrType, rcodeName, typeName } from "../wire/iana.ts";
import type { Message, Name, Question } from "../wire/message.ts";
import { foldName } from "../wire/name.ts";
import { type Counts, parseCounts, parseHeader, parseMessage } from "../wire/parse.ts";
import type { Entry } from "./timeline.ts";

/** One question as it goes out. */
export interface Query {
  readonly id: number;
  readonly question: Question;
  readonly octets: Uint8Array;
}

export interface QueryOptions {
  /** `trust-ad`: ask for the AD bit (RFC 6840 §5.7). */
  readonly ad?: boolean;
  /** Octets of a datagram that are said to be welcome; without it there is no OPT record. */
  readonly udpPayloadSize?: number;
}

export type AddressType = typeof RrType.A | typeof RrType.AAAA;

export function makeQuery(id: number, name: Name, type: AddressType, options: QueryOptions = {}): Query {
  const question = { name, type, class: RrClass.IN };
  const { ad = false, udpPayloadSize } = options;
  const octets = composeMessage({
    header: {
      id,
      qr: false,
      opcode: Opcode.QUERY,
      aa: false,
      tc: false,
      rd: true,
      ra: false,
      ad,
      cd: false,
      rcode: Rcode.NOERROR,
    },
    questions: [question],
    answers: [],
    authority: [],
    additional: [],
    ...(udpPayloadSize === undefined ? {} : { edns: { udpPayloadSize, version: 0, do: false, options: [] } }),
  });
  return { id, question, octets };
}

/** What libc looks at in a reply: the header's numbers; of the records only those it can read. */
export interface Reply {
  readonly id: number;
  readonly rcode: number;
  readonly aa: boolean;
  readonly ra: boolean;
  readonly tc: boolean;
  readonly counts: Counts;
  /** Undefined where the server did not repeat it. */
  readonly question: Question | undefined;
  readonly answers: Message["answers"];
}

/** Reads what came, even if its records make no sense; undefined below twelve octets. */
export function readReply(octets: Uint8Array): Reply | undefined {
  const [header, counts, parsed] = [parseHeader(octets), parseCounts(octets), parseMessage(octets)];
  if (header === undefined || counts === undefined) return undefined;
  const question = parsed.ok ? parsed.message.questions[0] : parsed.question;
  return { ...header, counts, question, answers: parsed.ok ? parsed.message.answers : [] };
}

/** Whether the reply repeats the question, letter case apart. */
export function repeats(reply: Reply, { question }: Query): boolean {
  return (
    reply.counts.questions === 1 &&
    reply.question !== undefined &&
    reply.question.type === question.type &&
    reply.question.class === question.class &&
    foldName(reply.question.name) === foldName(question.name)
  );
}

/**
 * The addresses of the query's type under the name that was asked, or that its CNAME records lead to, in order
 * (glibc's `getanswer_r`; it takes every CNAME, whatever name it is of).
 */
export function addressesAfterAliases({ answers }: Reply, { question }: Query): string[] {
  let expected = foldName(question.name);
  const addresses: string[] = [];
  for (const { name, type, data } of answers) {
    if (data.kind === "CNAME") expected = foldName(data.target);
    else if (type === question.type && foldName(name) === expected && "address" in data)
      addresses.push(data.address);
  }
  return addresses;
}

/** Every A and AAAA record, whatever its name (musl). */
export function allAddresses({ answers }: Reply): string[] {
  return answers.flatMap(({ data }) => ("address" in data ? [data.address] : []));
}

/** What the timeline says of a query. */
export function describeQuery({ id, question }: Query): Pick<Entry, "id" | "qname" | "qtype"> & {
  readonly qname: string;
  readonly qtype: string;
} {
  return { id, qname: question.name, qtype: typeName(question.type) };
}

/** What the timeline says of a reply to it. */
export function describeReply(reply: Reply): Pick<Entry, "id" | "rcode" | "answers"> {
  return { id: reply.id, rcode: rcodeName(reply.rcode), answers: allAddresses(reply) };
}
