import { z } from "zod";
import { closed, want } from "../yaml/fields.ts";
import { falseOr } from "./fields.ts";

/** Times are seconds. */
export interface CacheConfig {
  /** 0 keeps nothing. */
  readonly maxBytes: number;
  readonly minTtl: number;
  readonly maxTtl: number;
  readonly maxNegativeTtl: number;
  readonly prefetch: boolean;
  readonly serveStale: ServeStaleConfig | false;
}

export interface ServeStaleConfig {
  readonly maxAge: number;
  readonly ttl: number;
  readonly answerAfter: number;
  readonly recheck: number;
}

/** As much as Unbound has by default, 4 MiB for messages and 4 MiB for their records: some 20,000 answers. */
const MAX_BYTES = 8 * 1024 * 1024;
/** Beyond, a process of this kind would do little but collect garbage. */
const MOST_BYTES = 1024 * 1024 * 1024;
const DAY = 86_400;
/** RFC 8767 §4: a cap of seven days is what TTLs need at most, and answers are useful for when stale at most. */
const WEEK = 7 * DAY;
/** RFC 9520 §3.2 does not let a failure last longer. */
const MOST_RECHECK = 300;
/** RFC 8767 §5: the longest time that a client is let wait, just before the two seconds of many stub resolvers. */
const MOST_ANSWER_AFTER = 1.8;
/** Who wants a name to be fresh must not be overruled for longer than that. */
const MOST_MIN_TTL = 300;

function seconds(from: number, to: number, sort: "whole" | "any" = "whole"): z.ZodType<number> {
  const right = want(`a ${sort === "whole" ? "whole " : ""}number of seconds from ${from} to ${to}`);
  return (sort === "whole" ? z.int(right) : z.number(right)).min(from, right).max(to, right);
}

const flag = z.boolean(want("true or false"));

const serveStale = closed({
  maxAge: seconds(0, WEEK).default(DAY),
  ttl: seconds(1, 300).default(30),
  answerAfter: seconds(0, MOST_ANSWER_AFTER, "any").default(MOST_ANSWER_AFTER),
  recheck: seconds(1, MOST_RECHECK).default(30),
});

const bytes = want(`a whole number of bytes from 0 to ${MOST_BYTES}`);

const settings = closed({
  maxBytes: z.int(bytes).min(0, bytes).max(MOST_BYTES, bytes).default(MAX_BYTES),
  minTtl: seconds(0, MOST_MIN_TTL).default(0),
  maxTtl: seconds(1, WEEK).default(DAY),
  maxNegativeTtl: seconds(1, DAY).default(900),
  prefetch: flag.default(true),
  serveStale: falseOr<ServeStaleConfig | false>(serveStale, () => false).default(() => serveStale.parse({})),
}).superRefine(({ minTtl, maxTtl }, context) => {
  if (minTtl <= maxTtl) return;
  const message = `${minTtl} is above maxTtl, ${maxTtl}`;
  context.addIssue({ code: "custom", path: ["minTtl"], message });
});

/** `false` is a cache of no bytes. */
export const cache: z.ZodType<CacheConfig> = falseOr(settings, () => settings.parse({ maxBytes: 0 }));
