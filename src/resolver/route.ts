import type { Name } from "../wire/message.ts";
import { foldName, labelsOf } from "../wire/name.ts";
import type { Query, Resolver } from "./resolver.ts";

/**
 * Split DNS: a name at or below one of `domains` is that domain's resolver's to answer, the longest domain first;
 * it declines every other name. Whole labels are compared, without regard to letter case: `corp.example.` is not
 * above `notcorp.example.`.
 */
export function route({ domains }: { domains: ReadonlyMap<Name, Resolver> }): Resolver {
  const name = "split-dns";
  const byName = new Map([...domains].map(([domain, resolver]) => [foldName(domain), resolver]));
  return {
    name,
    resolve(query: Query): ReturnType<Resolver["resolve"]> {
      if (byName.size === 0) return undefined;
      for (const domain of ancestry(foldName(query.question.name))) {
        const resolver = byName.get(domain);
        if (resolver === undefined) continue;
        query.trace.step(name, "routed", { domain, to: resolver.name });
        return resolver.resolve(query);
      }
      return undefined;
    },
  };
}

/** The name itself, its parent, and so on to the root. */
function* ancestry(name: Name): Iterable<Name> {
  let rest = name;
  for (const label of labelsOf(name)) {
    yield rest;
    rest = rest.slice(label.length + 1);
  }
  yield ".";
}
