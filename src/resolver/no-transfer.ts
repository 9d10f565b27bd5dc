import { EdeCode, Rcode, RrType, typeName } from "../wire/iana.ts";
import { ResolveFailure } from "./failure.ts";
import type { Query, Resolver } from "./resolver.ts";

/**
 * Refuses zone transfers, whoever asks for whichever name: we hold no zone, and an upstream's is not ours to pass on
 * (RFC 5936 §6). Declines everything else.
 */
export function noTransfer(): Resolver {
  const name = "no-transfer";
  return {
    name,
    resolve({ question, trace }: Query): undefined {
      if (question.type !== RrType.AXFR && question.type !== RrType.IXFR) return undefined;
      trace.step(name, "refused", { type: typeName(question.type) });
      const ede = { code: EdeCode.NOT_SUPPORTED, text: "there are no zones to transfer here" };
      throw new ResolveFailure(ede, { rcode: Rcode.REFUSED });
    },
  };
}
