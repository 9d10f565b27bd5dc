import { LRUCache } from "lru-cache";
import type { Query } from "../resolver/resolver.ts";
import type { Name } from "../wire/message.ts";
import { foldName } from "../wire/name.ts";

/** Scopes told apart at a time. One that was forgotten gets a new number, so that its entries are found no more. */
const SCOPES_MAX = 10_000;

/**
 * Numbers scopes. A scope's text says whose upstreams are asked, and which these are; so when they change, what the
 * former ones said is out of reach at once, with nothing to notice and nothing to flush.
 */
export function scopeNumbers(): (scope: string) => number {
  const numbers = new LRUCache<string, number>({ max: SCOPES_MAX });
  let last = 0;
  return (scope) => {
    const known = numbers.get(scope);
    if (known !== undefined) return known;
    numbers.set(scope, ++last);
    return last;
  };
}

/** What an answer depends on. RD does not change what is true, and AD is always asked for (RFC 6840 §5.7). */
export function keyOf(
  scope: number,
  { question: { name, type, class: rrclass }, do: dnssecOk, cd }: Query,
): string {
  return `${scope}/${type}/${rrclass}/${dnssecOk ? 1 : 0}${cd ? 1 : 0}/${foldName(name)}`;
}

/** The folded qname in a key: what stands behind the fourth slash, for names may have slashes, too. */
export function nameInKey(key: string): Name {
  let at = 0;
  for (let slashes = 0; slashes < 4; slashes++) at = key.indexOf("/", at) + 1;
  return key.slice(at);
}
