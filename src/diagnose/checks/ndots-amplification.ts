import type { Check } from "../check.ts";
import { type Stub, stubs } from "../stubs.ts";
import { together } from "../together.ts";

/** A container's name has none, and one of `name.network` has one: more makes names outside be searched for first. */
const NEEDED_NDOTS = 1;
/** A and AAAA. */
const FAMILIES = 2;

/** libc tries every search domain before the name that was asked for, and everybody waits for that. */
export const ndotsAmplification: Check = {
  code: "ndots-amplification",
  async run(context) {
    const found = stubs(context);
    if ("skipped" in found) return found;
    const many = found.filter(({ conf }) => conf.ndots > NEEDED_NDOTS && conf.search.length > 0);
    const groups = together(many, { of: ({ sandbox }) => sandbox.container.name, evidence: reading });
    return groups.map(({ first, subject, containers }) => {
      const { ndots, search } = first.conf;
      const queries = (search.length + 1) * FAMILIES;
      return {
        severity: "warning" as const,
        subject,
        text: `With ndots:${ndots}, a name of fewer than ${ndots} dots is first tried under ${search.length === 1 ? "the search domain" : `each of the ${search.length} search domains`}: a lookup of example.com takes ${queries} queries where ${FAMILIES} would do, and a container's name is asked for outside before it is found here.`,
        evidence: { containers, ...reading(first), queriesPerLookup: queries },
        remedy:
          "take ndots out of the host's resolv.conf or of `--dns-option` (Compose: `dns_opt`), and Docker writes ndots:0; a name with a dot at its end is never searched for",
      };
    });
  },
};

function reading({ conf: { ndots, search } }: Stub) {
  return { ndots, search };
}
