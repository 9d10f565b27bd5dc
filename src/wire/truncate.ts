import { composePrefix, finishMessage, optLength, type Prefix } from "./compose.ts";
import { EdnsOptionCode } from "./iana.ts";
import { HEADER_LENGTH, MAX_MESSAGE, MAX_NAME, MIN_UDP_MESSAGE } from "./limits.ts";
import type { Edns, Message, ResourceRecord } from "./message.ts";
import { foldName } from "./name.ts";

/**
 * Composes as much of a message as `limit` octets hold, in its order, always with its OPT record.
 *
 * RFC 2181 §9 as obeyed here: RRsets stay whole, and records are dropped from the end.
 * - Additional records are dropped without TC: nobody needs them.
 * - When authority or answers do not fit, all that follows is dropped, too, and TC is set (`truncated`).
 *
 * `partialAnswer` leaves the answer RRset that does not wholly fit in part, which the RFC allows with TC. A client
 * should ignore it and ask again over TCP; but musl before 1.2.4 (Alpine up to 3.17) knows no TCP and takes what the
 * section holds. For it a set of addresses that are as good as one another is better in part than not at all.
 *
 * The texts of extended errors, and then all options, are dropped from the OPT record if that spares the TC bit, or
 * makes room for a question: they are supplemental (RFC 8914 §3). A limit below 512 means 512 (RFC 6891 §6.2.3), one
 * above 65,535 means that. Throws a `WireError` for a value that the wire cannot carry.
 */
export function composeWithin(
  message: Message,
  limit: number,
  { partialAnswer = false }: { partialAnswer?: boolean } = {},
): { octets: Uint8Array; truncated: boolean } {
  const { header, additional } = message;
  const bound = Math.min(Math.max(limit, MIN_UDP_MESSAGE), MAX_MESSAGE);
  const tries = everShorter(message.edns).map((edns) => ({ edns, room: bound - optLength(edns) }));
  const prefixes: Prefix[] = [];
  for (const { edns, room } of tries) {
    const prefix = composePrefix(message, room);
    prefixes.push(prefix);
    if (prefix.isWhole) return { octets: finishMessage(prefix, header, edns), truncated: false };
    if (room < HEADER_AND_QUESTION || !lacksOnlyAdditional(prefix, message)) continue;
    const kept = withoutPartialRrset(prefix, 3, additional);
    return { octets: finishMessage(kept, header, edns), truncated: false };
  }
  const at = tries.findIndex(({ room }) => room >= HEADER_AND_QUESTION);
  const kept = cutShort(prefixes[at]!, message, partialAnswer);
  return { octets: finishMessage(kept, { ...header, tc: true }, tries[at]!.edns), truncated: true };
}

/** Of the longest question; without options there is always room for it. */
const HEADER_AND_QUESTION = HEADER_LENGTH + MAX_NAME + 4;

function lacksOnlyAdditional({ counts }: Prefix, message: Message): boolean {
  const { questions, answers, authority, additional } = message;
  const isThere = [questions, answers, authority].every(({ length }, section) => counts[section] === length);
  return isThere && counts[3] < additional.length;
}

/** The OPT record as it is, without its texts, and without options. */
function everShorter(edns: Edns | undefined): readonly (Edns | undefined)[] {
  if (edns === undefined || edns.options.length === 0) return [edns];
  const options = edns.options.map((option) =>
    option.code === EdnsOptionCode.EDE ? { ...option, data: option.data.subarray(0, INFO_CODE) } : option,
  );
  return [edns, { ...edns, options }, { ...edns, options: [] }];
}

/** Octets of an extended error before its text (RFC 8914 §2). */
const INFO_CODE = 2;

function cutShort(
  prefix: Prefix,
  { questions, answers, authority }: Message,
  partialAnswer: boolean,
): Omit<Prefix, "ends" | "isWhole"> {
  const { counts } = prefix;
  if (counts[0] === questions.length && counts[1] === answers.length)
    return withoutPartialRrset(prefix, 2, authority);
  return partialAnswer ? prefix : withoutPartialRrset(prefix, 1, answers);
}

/** The prefix, which ends within this section, without the records after the last place that divides no RRset. */
function withoutPartialRrset(
  prefix: Prefix,
  section: 1 | 2 | 3,
  records: readonly ResourceRecord[],
): Omit<Prefix, "ends" | "isWhole"> {
  const { writer, ends } = prefix;
  const counts: [number, number, number, number] = [...prefix.counts];
  const fitting = counts[section];
  const kept = lastBoundary(records, fitting);
  writer.cut(ends[ends.length - fitting + kept - 1] ?? HEADER_LENGTH);
  counts[section] = kept;
  return { writer, counts };
}

/** The greatest number up to `most` of records from the beginning that are of no RRset with a record after them. */
function lastBoundary(records: readonly ResourceRecord[], most: number): number {
  const lasts = new Map<string, number>();
  const keys = records.map((rr) => `${rr.type} ${rr.class} ${foldName(rr.name)}`);
  for (const [i, key] of keys.entries()) lasts.set(key, i);
  let boundary = 0;
  let reach = 0;
  for (let i = 0; i < most; i++) {
    reach = Math.max(reach, lasts.get(keys[i]!)!);
    if (reach === i) boundary = i + 1;
  }
  return boundary;
}
