import { Rcode } from "../wire/iana.ts";
import type { Name } from "../wire/message.ts";
import { isSubdomain, labelsOf } from "../wire/name.ts";
import { answer, UNTIL_CHANGED } from "./reply.ts";
import type { Answer, Query, Resolver } from "./resolver.ts";

/**
 * The host's own way to containers: `web.shop.docker.` is `web.shop.` in the host's view, so that the host's
 * resolver can send everything under one domain here. Containers do not see it. The domain is ours alone: a name
 * below it that `inner` declines is NXDOMAIN, and never asked for elsewhere.
 */
export function hostSuffix({ suffix, inner }: { suffix: () => Name; inner: Resolver }): Resolver {
  const name = "host-suffix";
  return {
    name,
    resolve(query: Query): Promise<Answer> | undefined {
      const { question, client, trace } = query;
      if (client.sandbox !== undefined) return undefined;
      const stripped = withoutSuffix(question.name, suffix());
      if (stripped === undefined) return undefined;
      trace.step(name, "stripped", { suffix: suffix(), name: stripped });
      return below(query, stripped);
    },
  };

  async function below(query: Query, stripped: Name): Promise<Answer> {
    const { question } = query;
    const found = await inner.resolve({ ...query, question: { ...question, name: stripped } });
    if (found === undefined)
      return answer("registry", { rcode: Rcode.NXDOMAIN, aa: true, reuse: UNTIL_CHANGED });
    // Every record of a registry answer is about the name asked for.
    return { ...found, answers: found.answers.map((rr) => ({ ...rr, name: question.name })) };
  }
}

/** What stands before the suffix, in its own letter case; undefined if the name is not below it. */
function withoutSuffix(name: Name, suffix: Name): Name | undefined {
  if (!isSubdomain(name, suffix)) return undefined;
  const labels = labelsOf(name);
  const count = labels.length - labelsOf(suffix).length;
  return count < 1 ? undefined : `${labels.slice(0, count).join(".")}.`;
}
