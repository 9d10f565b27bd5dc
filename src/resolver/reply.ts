import { Rcode } from "../wire/iana.ts";
import type { ResourceRecord } from "../wire/message.ts";
import type { Answer, Origin, Reuse } from "./resolver.ts";

/** An answer of our own; what is left out is empty. */
export function answer(origin: Origin, part: Partial<Omit<Answer, "origin">> = {}): Answer {
  return {
    rcode: Rcode.NOERROR,
    aa: false,
    ad: false,
    answers: [],
    authority: [],
    additional: [],
    ede: [],
    upstream: undefined,
    ...part,
    origin,
  };
}

/** For what does not change by itself. */
export const UNTIL_CHANGED: Reuse = { milliseconds: Number.POSITIVE_INFINITY, agedMs: undefined };

/** Authoritative records for a name that the registry owns; none of them makes it NODATA. */
export function authoritative(answers: readonly ResourceRecord[]): Answer {
  return answer("registry", { aa: true, answers, reuse: UNTIL_CHANGED });
}
