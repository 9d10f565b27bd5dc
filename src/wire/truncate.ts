import { composePrefix, finishMessage, optLength, type Prefix } from "./compose.ts";
import { HEADER_LENGTH, MAX_MESSAGE, MAX_NAME, MIN_UDP_MESSAGE } from "./limits.ts";
import type { Message, ResourceRecord } from "./message.ts";
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
 * Options that leave no room for a question are dropped from the OPT record, which supplemental texts must bear
 * (RFC 8914 §3). A limit below 512 means 512 (RFC 6891 §6.2.3), one above 65,535 means that. Throws a `WireError`
 * for a value that the wire cannot carry.
 */
export function composeWithin(
  message: Message,
  limit: number,
  { partialAnswer = false }: { partialAnswer?: boolean } = {},
): { octets: Uint8Array; truncated: boolean } {
  const { header, edns, questions, answers, authority, additional } = message;
  const bound = Math.min(Math.max(limit, MIN_UDP_MESSAGE), MAX_MESSAGE);
  const prefix = composePrefix(message, bound);
  if (prefix.isWhole) return { octets: finishMessage(prefix, header, edns), truncated: false };
  if (edns !== undefined && optLength(edns) > bound - HEADER_AND_QUESTION) {
    return composeWithin({ ...message, edns: { ...edns, options: [] } }, limit, { partialAnswer });
  }
  const { counts } = prefix;
  if (counts[0] < questions.length || counts[1] < answers.length) {
    const kept = partialAnswer ? prefix : withoutPartialRrset(prefix, 1, answers);
    return { octets: finishMessage(kept, { ...header, tc: true }, edns), truncated: true };
  }
  if (counts[2] < authority.length) {
    const kept = withoutPartialRrset(prefix, 2, authority);
    return { octets: finishMessage(kept, { ...header, tc: true }, edns), truncated: true };
  }
  return {
    octets: finishMessage(withoutPartialRrset(prefix, 3, additional), header, edns),
    truncated: false,
  };
}

/** A header and the longest question. */
const HEADER_AND_QUESTION = HEADER_LENGTH + MAX_NAME + 4;

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
