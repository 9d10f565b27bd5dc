import { Opcode, Rcode } from "../wire/iana.ts";
import type { Message, Question } from "../wire/message.ts";
import { foldName } from "../wire/name.ts";
import { parseMessage } from "../wire/parse.ts";

/** Why octets that came from a server's address are not its reply. */
export type Mismatch = "too short" | "not a reply" | "another id" | "malformed" | "another question";

/**
 * Reads the reply to `question` under `id`, or says why it is none (RFC 5452 §9.1). The id is looked at first, in
 * the raw octets, so that a flood of guesses costs little. Letter case of the name does not matter.
 */
export function matchReply(octets: Uint8Array, id: number, question: Question): Message | Mismatch {
  if (octets.length < HEADER_OCTETS) return "too short";
  if ((octets[0]! << 8) + octets[1]! !== id) return "another id";
  if ((octets[2]! & QR_BIT) === 0) return "not a reply";
  const message = readReply(octets);
  if (message === undefined) return "malformed";
  if (message.header.opcode !== Opcode.QUERY) return "not a reply";
  return answersQuestion(message, question) ? message : "another question";
}

/** The message; of one that was cut off in the middle of a record what matters, that it is truncated. */
function readReply(octets: Uint8Array): Message | undefined {
  const parsed = parseMessage(octets);
  if (parsed.ok) return parsed.message;
  const { header, question } = parsed;
  if (header?.tc !== true || question === undefined) return undefined;
  return { header, questions: [question], answers: [], authority: [], additional: [] };
}

const HEADER_OCTETS = 12;
const QR_BIT = 0x80;

/** Rcodes of servers that could not or would not read the question, and so may not repeat it (glibc takes them, too). */
const WITHOUT_QUESTION: readonly number[] = [Rcode.FORMERR, Rcode.SERVFAIL, Rcode.NOTIMP, Rcode.REFUSED];

function answersQuestion({ header, questions }: Message, asked: Question): boolean {
  const [question, ...more] = questions;
  if (question === undefined) return WITHOUT_QUESTION.includes(header.rcode);
  return (
    more.length === 0 &&
    question.type === asked.type &&
    question.class === asked.class &&
    foldName(question.name) === foldName(asked.name)
  );
}
