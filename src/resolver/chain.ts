import type { Answer, Query, Resolver } from "./resolver.ts";

/** Asks each resolver in turn; the first that does not decline answers, or fails, for all. */
export function chain(name: string, resolvers: readonly Resolver[]): Resolver {
  return {
    name,
    async resolve(query: Query): Promise<Answer | undefined> {
      for (const resolver of resolvers) {
        const answering = resolver.resolve(query);
        if (answering === undefined) continue;
        const answer = await answering;
        if (answer !== undefined) return answer;
      }
      return undefined;
    },
  };
}
