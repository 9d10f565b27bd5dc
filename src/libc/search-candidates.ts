import type { StubConf } from "./stub-conf.ts";

/** A name that libc sends, and why this one. */
export interface SearchCandidate {
  /** Absolute. */
  readonly name: string;
  readonly why: string;
}

/** What came back for a candidate; `failure` is any rcode but NOERROR, NXDOMAIN and SERVFAIL. */
export type SearchOutcome = "answer" | "nodata" | "nxdomain" | "servfail" | "failure";

/**
 * The names that a libc sends for a name, first to last; each `next` says what came back for the one before. This is
 * the order alone, as `glibc-search.ts` and `musl.ts` have it, without sockets and time:
 * - glibc: as it is first if it has `ndots` dots; then with each suffix, and at last as it is, going on until there is
 *   an answer, but leaving the list after a failure;
 * - musl: as it is and nothing else if it has `ndots` dots; otherwise the list, going on after NXDOMAIN only.
 */
export function* searchCandidates(
  name: string,
  { search, ndots, flags }: Pick<StubConf, "search" | "ndots" | "flags">,
  libc: "glibc" | "musl",
): Generator<SearchCandidate, void, SearchOutcome> {
  if (name.endsWith(".")) return void (yield { name, why: "it ends in a dot" });
  const dots = name.split(".").length - 1;
  const count = `${dots} ${dots === 1 ? "dot" : "dots"}`;
  const isFirst = dots >= ndots;
  if (isFirst) {
    const why = `as it is first: ${count}, ndots ${ndots}`;
    if ((yield { name: `${name}.`, why }) === "answer" || libc === "musl") return;
  }
  let isRootListed = false;
  for (const domain of search) {
    const suffix = domain.replace(/^\./, "").replace(/\.$/, "");
    if (suffix === "") isRootListed = true;
    const why = isFirst ? `search list: ${domain}` : `search list: ${domain} (${count}, ndots ${ndots})`;
    const outcome = yield { name: suffix === "" ? `${name}.` : `${name}.${suffix}.`, why };
    if (outcome === "answer" || (libc === "musl" && outcome !== "nxdomain")) return;
    if (outcome === "failure") break;
  }
  const isTldQuery = dots > 0 || search.length === 0 || !flags.has("no-tld-query");
  if (!isFirst && !isRootListed && isTldQuery)
    yield {
      name: `${name}.`,
      why: search.length === 0 ? "no search list" : "as it is, after the search list",
    };
}
