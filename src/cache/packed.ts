import { answer as reply } from "../resolver/reply.ts";
import type { Answer } from "../resolver/resolver.ts";
import { composeMessage } from "../wire/compose.ts";
import { extendedErrorOption, extendedErrors } from "../wire/edns.ts";
import { Opcode } from "../wire/iana.ts";
import type { Edns, Name, Question, ResourceRecord } from "../wire/message.ts";
import { foldName } from "../wire/name.ts";
import { parseMessage } from "../wire/parse.ts";

/**
 * An answer as octets on the wire, one character each: a tenth of the memory that its objects take, and one thing
 * for the garbage collector to look at instead of dozens. Undefined if the wire cannot carry it.
 */
export function pack(question: Question, answer: Answer): string | undefined {
  const { rcode, ad, ede } = answer;
  const header = {
    id: 0,
    qr: true,
    opcode: Opcode.QUERY,
    aa: false,
    tc: false,
    rd: true,
    ra: true,
    ad,
    cd: false,
    rcode,
  };
  const message = {
    header,
    questions: [question],
    answers: asAsked(answer.answers, question.name),
    authority: asAsked(answer.authority, question.name),
    additional: asAsked(answer.additional, question.name),
    ...(ede.length > 0 && { edns: { ...NO_EDNS, options: ede.map(extendedErrorOption) } }),
  };
  try {
    const octets = composeMessage(message);
    return Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString("latin1");
  } catch {
    // Names that the upstream compressed better than we do can make it longer than a message may be.
    return undefined;
  }
}

const NO_EDNS: Edns = { udpPayloadSize: 0, version: 0, do: false, options: [] };

/** The answer that was packed, to the same question in whichever letter case; each TTL is what `ttl` makes of it. */
export function unpack(octets: string, { name }: Question, ttl: (packed: number) => number): Answer {
  const parsed = parseMessage(Buffer.from(octets, "latin1"));
  if (!parsed.ok) throw parsed.error;
  const { header, answers, authority, additional, edns } = parsed.message;
  const aged = (records: readonly ResourceRecord[]) =>
    asAsked(records, name).map((rr) => ({ ...rr, ttl: ttl(rr.ttl) }));
  return reply("cache", {
    rcode: header.rcode,
    ad: header.ad,
    answers: aged(answers),
    authority: aged(authority),
    additional: aged(additional),
    ede: extendedErrors(edns),
  });
}

/** The records with owners that are the name asked for in the letter case in which it was asked (RFC 4343 §4.1). */
export function asAsked(records: readonly ResourceRecord[], name: Name): readonly ResourceRecord[] {
  const folded = foldName(name);
  return records.map((rr) =>
    rr.name === name || rr.name.length !== name.length || foldName(rr.name) !== folded ? rr : { ...rr, name },
  );
}
