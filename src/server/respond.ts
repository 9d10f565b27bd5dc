import type { Logger } from "../base/log.ts";
import { ResolveFailure } from "../resolver/failure.ts";
import { answer } from "../resolver/reply.ts";
import type { Answer, Query, Resolver } from "../resolver/resolver.ts";
import { EdeCode, Rcode } from "../wire/iana.ts";

/**
 * Runs a query through the pipeline. It never throws: this is the one place where failures become rcodes.
 *
 * - a `ResolveFailure` is answered with its rcode and its Extended DNS Error;
 * - a name that no resolver claims is REFUSED;
 * - anything else that is thrown is a bug of ours: SERVFAIL, and an error in the log.
 */
export async function respond(resolver: Resolver, query: Query, log: Logger): Promise<Answer> {
  try {
    const found = await resolver.resolve(query);
    if (found !== undefined) return found;
    query.trace.step("server", "refused: no resolver claims the name");
    const text = "no resolver of this server is responsible for the name";
    return answer("none", { rcode: Rcode.REFUSED, ede: [{ code: EdeCode.NOT_AUTHORITATIVE, text }] });
  } catch (error) {
    if (error instanceof ResolveFailure) {
      query.trace.step("server", "failed", { text: error.message });
      return answer("none", { rcode: error.rcode, ede: [error.ede] });
    }
    log.error({ err: error, qname: query.question.name }, "query failed on a fault of this program");
    const text = "internal error, see the server's log";
    return answer("none", { rcode: Rcode.SERVFAIL, ede: [{ code: EdeCode.OTHER, text }] });
  }
}
