import { BriefMap } from "../base/brief-map.ts";
import { ResolveFailure } from "../resolver/failure.ts";
import type { Query, Resolver } from "../resolver/resolver.ts";
import { EdeCode } from "../wire/iana.ts";

/** Bounds what is in flight to upstreams; one for all forwarders together. */
export interface Admission {
  /** Wraps a resolver that asks upstreams: over a bound it fails at once instead of asking `inner`. */
  admit(inner: Resolver): Resolver;
  readonly inFlight: number;
  /** Queries refused since the start, by the bound that refused them. */
  readonly shed: Readonly<Record<Bound, number>>;
}

export type Bound = "perClient" | "total";

export interface AdmissionLimits {
  /** Of one sandbox; the host (no sandbox) counts as one. Docker's own figure. */
  readonly perClient: number;
  /** Of all; each query in flight is an open socket and about 2 KB. */
  readonly total: number;
  /** How many of these, the last ones, are kept for clients that hold little. */
  readonly reserve: number;
}

/** No sandbox: none has this key. */
const HOST = "";

/**
 * At first a client is bound by `perClient` alone. The last `reserve` places go by one rule: nobody may have more
 * in flight than places are left. So the sandbox that holds the most is refused first, and one that asks seldom
 * gets in until the very last place, without anybody keeping a list of who holds how much (the dynamic thresholds
 * of Choudhury and Hahne, 1998). A refusal costs nothing and comes at once, so a client's next server, or its
 * stale cache entry, is not kept waiting.
 */
export function admission({
  perClient = 1024,
  total = 8192,
  reserve = perClient,
}: Partial<AdmissionLimits> = {}): Admission {
  const held = new BriefMap<number>();
  const shed = { perClient: 0, total: 0 };
  let inFlight = 0;

  function enter(client: string): void {
    const mine = held.get(client) ?? 0;
    if (mine >= perClient) throw refusal("perClient", `${mine} of this client, the limit is ${perClient}`);
    if (inFlight >= total - reserve && mine >= total - inFlight) {
      throw refusal("total", `${inFlight} in all, ${mine} of this client; the limit is ${total}`);
    }
    held.set(client, mine + 1);
    inFlight++;
  }

  function leave(client: string): void {
    const mine = held.get(client)!;
    if (mine === 1) held.delete(client);
    else held.set(client, mine - 1);
    inFlight--;
  }

  function refusal(bound: Bound, how: string): ResolveFailure {
    shed[bound]++;
    return new ResolveFailure({ code: EdeCode.OTHER, text: `too many queries in flight (${how})` });
  }

  return {
    admit: (inner) => ({
      name: inner.name,
      async resolve(query: Query) {
        const client = query.client.sandbox ?? HOST;
        try {
          enter(client);
        } catch (error) {
          query.trace.step("admission", "refused", { inFlight, held: held.get(client) ?? 0 });
          throw error;
        }
        try {
          return await inner.resolve(query);
        } finally {
          leave(client);
        }
      },
    }),
    get inFlight() {
      return inFlight;
    },
    shed,
  };
}
