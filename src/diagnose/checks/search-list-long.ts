import { parseResolvConf } from "../../base/resolv-conf.ts";
import type { Check } from "../check.ts";
import { type Stub, stubs } from "../stubs.ts";
import { together } from "../together.ts";

/** What glibc before 2.26 keeps of a search list (MAXDNSRCH, and the room of `defdname`). */
const OLD_DOMAINS = 6;
const OLD_CHARACTERS = 256;

/** A search list that some libcs cut, or pass over whole. */
export const searchListLong: Check = {
  code: "search-list-long",
  async run(context) {
    const found = stubs(context);
    if ("skipped" in found) return found;
    const long = found.map(reading).filter(({ domains, characters, isIgnored }) => {
      return isIgnored || domains > OLD_DOMAINS || characters > OLD_CHARACTERS;
    });
    const groups = together(long, {
      of: ({ container }) => container,
      evidence: ({ container, ...rest }) => rest,
    });
    return groups.map(({ first: { container: _, search, isIgnored, ...evidence }, subject, containers }) => ({
      severity: isIgnored ? ("error" as const) : ("warning" as const),
      subject,
      text: isIgnored
        ? `musl passes over a search line of ${evidence.characters} characters whole: nothing is searched in there, and names that count on it are not found.`
        : `The search list has ${evidence.domains} domains in ${evidence.characters} characters. glibc before 2.26 uses the first ${OLD_DOMAINS}, within ${OLD_CHARACTERS} characters; later ones try all, which for a name that does not exist is ${(evidence.domains + 1) * 2} queries.`,
      evidence: { containers, search, ...evidence },
      remedy:
        "name the domains that are needed: `--dns-search` (Compose: `dns_search`), or `search` in the host's resolv.conf",
    }));
  },
};

function reading({ sandbox: { container }, text, libc, conf }: Stub) {
  const { search } = parseResolvConf(text);
  return {
    container: container.name,
    domains: search.length,
    characters: search.join(" ").length,
    libc: libc ?? null,
    search,
    isIgnored:
      libc === "musl" && conf.ignored.some((each) => /^(?:search|domain): musl passes over/.test(each)),
  };
}
