import type { Answer } from "../resolver/resolver.ts";
import { Rcode, RrType } from "../wire/iana.ts";
import type { Question, ResourceRecord } from "../wire/message.ts";
import type { CacheSettings } from "./settings.ts";

/** An answer as it may be kept, with TTLs within the bounds; or why it must not be. */
export type Keeping =
  | { readonly answer: Answer /** Whole, above 0. */; readonly seconds: number }
  | { readonly why: string };

type Bounds = Pick<CacheSettings, "minTtl" | "maxTtl" | "maxNegativeTtl">;

/** Any rcode but these two says that the question could not be answered. */
export function isFailure({ rcode }: Answer): boolean {
  return rcode !== Rcode.NOERROR && rcode !== Rcode.NXDOMAIN;
}

/**
 * How long an upstream's answer may be given again: until the first of its records expires (RFC 2181 §5.2), since it
 * is kept whole. NXDOMAIN and NODATA last as long as the SOA in them says, and without one they are not kept
 * (RFC 2308 §5): not even a referral, or a chain of aliases without an end.
 */
export function keeping(question: Question, answer: Answer, bounds: Bounds): Keeping {
  if (isFailure(answer)) return { why: "it is a failure" };
  const isPositive = answer.rcode === Rcode.NOERROR && hasAnswer(question, answer.answers);
  const soa = isPositive ? undefined : soaOf(answer.authority);
  if (!isPositive && soa === undefined) return { why: "it is negative and has no SOA" };

  let seconds = Number.POSITIVE_INFINITY;
  const bounded = (rr: ResourceRecord): ResourceRecord => {
    const ttl = rr === soa ? negativeTtl(rr, bounds) : within(bounds.minTtl, bounds.maxTtl, rr.ttl);
    seconds = Math.min(seconds, ttl);
    return ttl === rr.ttl ? rr : { ...rr, ttl };
  };
  const answers = answer.answers.map(bounded);
  const authority = answer.authority.map(bounded);
  const additional = answer.additional.map(bounded);
  if (seconds === 0) return { why: "its TTL is 0" };
  return { answer: { ...answer, answers, authority, additional }, seconds };
}

/** Whether the type asked for is among the records, rather than aliases only. */
function hasAnswer({ type }: Question, answers: readonly ResourceRecord[]): boolean {
  return answers.some((rr) => rr.type === type || type === RrType.ANY);
}

function soaOf(authority: readonly ResourceRecord[]): ResourceRecord | undefined {
  return authority.find(({ data }) => data.kind === "SOA");
}

/** The smaller of the SOA's TTL and its last field (RFC 2308 §5). */
function negativeTtl({ ttl, data }: ResourceRecord, { minTtl, maxNegativeTtl }: Bounds): number {
  return within(minTtl, maxNegativeTtl, data.kind === "SOA" ? Math.min(ttl, data.minimum) : ttl);
}

/** Where the two contradict each other, the upper bound holds. */
function within(min: number, max: number, ttl: number): number {
  return Math.min(max, Math.max(min, ttl));
}
