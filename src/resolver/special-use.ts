import { Rcode, RrClass, RrType } from "../wire/iana.ts";
import type { ResourceRecord } from "../wire/message.ts";
import { foldName, isSubdomain } from "../wire/name.ts";
import { answer, UNTIL_CHANGED } from "./reply.ts";
import type { Answer, Query, Resolver } from "./resolver.ts";

/** A day: loopback addresses never change, and nobody has to ask again. */
const LOCALHOST_TTL_SECONDS = 86_400;

/**
 * Names that must never reach an upstream: `localhost.` is this very host (RFC 6761 §6.3), `invalid.` does not
 * exist (RFC 6761 §6.4), nor does `onion.` outside Tor (RFC 7686 §2). It stands behind the registry, so a
 * container that is really called `localhost` is found. `test.`, `example.` and `local.` go on, against RFC 6761
 * and RFC 6762: people use them in their own networks, and Docker lets them.
 */
export function specialUse(): Resolver {
  const name = "special-use";
  return {
    name,
    resolve({ question, trace }: Query): Promise<Answer> | undefined {
      if (question.class !== RrClass.IN) return undefined;
      const qname = foldName(question.name);
      if (isSubdomain(qname, "localhost.")) {
        trace.step(name, "localhost is this host", { rfc: "6761" });
        const answers = loopback(question.name, question.type);
        return Promise.resolve(answer("none", { answers, reuse: UNTIL_CHANGED }));
      }
      if (isSubdomain(qname, "invalid.") || isSubdomain(qname, "onion.")) {
        trace.step(name, "no such name by definition", {
          rfc: isSubdomain(qname, "onion.") ? "7686" : "6761",
        });
        return Promise.resolve(answer("none", { rcode: Rcode.NXDOMAIN, reuse: UNTIL_CHANGED }));
      }
      return undefined;
    },
  };
}

/** The records of `localhost.`; none for other types, which makes it NODATA. */
function loopback(name: string, type: number): ResourceRecord[] {
  const record = { name, type, class: RrClass.IN, ttl: LOCALHOST_TTL_SECONDS };
  if (type === RrType.A) return [{ ...record, data: { kind: "A", address: "127.0.0.1" } }];
  if (type === RrType.AAAA) return [{ ...record, data: { kind: "AAAA", address: "::1" } }];
  return [];
}
