import { EdeCode, RrClass, RrType } from "../wire/iana.ts";
import { answer } from "./reply.ts";
import type { Answer, Query, Resolver } from "./resolver.ts";

/**
 * Answers AAAA with NODATA, for hosts without IPv6 (`ipv6: off`); declines everything else. It stands behind the
 * registry, whose names keep their own addresses. Never silence, and never NXDOMAIN: musl takes that for the whole name.
 */
export function noIpv6({ isOff }: { isOff: () => boolean }): Resolver {
  const name = "ipv6";
  return {
    name,
    resolve({ question, trace }: Query): Promise<Answer> | undefined {
      if (!isOff() || question.type !== RrType.AAAA || question.class !== RrClass.IN) return undefined;
      trace.step(name, "no AAAA: ipv6 is off");
      const ede = [{ code: EdeCode.BLOCKED, text: "AAAA is not asked for: `ipv6: off`" }];
      return Promise.resolve(answer("none", { ede }));
    },
  };
}
