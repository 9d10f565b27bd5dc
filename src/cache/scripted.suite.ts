import { ResolveFailure } from "../resolver/failure.ts";
import { answer } from "../resolver/reply.ts";
import type { Answer, Query, Resolver } from "../resolver/resolver.ts";
import { recordingTrace, type Step } from "../resolver/trace.ts";
import { fakeClock } from "../upstream/fake-clock.suite.ts";
import { EdeCode, Rcode, RrClass, RrType } from "../wire/iana.ts";
import type { Rdata, ResourceRecord } from "../wire/message.ts";
import { createCache } from "./cache.ts";
import { cacheCounters } from "./counters.ts";
import type { CacheSettings } from "./settings.ts";
import { NO_USES, type Uses } from "./uses.ts";

/** docs/config.md's defaults. */
export const SETTINGS: CacheSettings = {
  maxBytes: 1_000_000,
  minTtl: 0,
  maxTtl: 86_400,
  maxNegativeTtl: 900,
  prefetch: true,
  serveStale: { maxAge: 86_400, ttl: 30, answerAfter: 1.8, recheck: 30 },
};

export function rr(name: string, ttl: number, data: Rdata): ResourceRecord {
  const type = data.kind === "unknown" ? 65_280 : RrType[data.kind];
  return { name, type, class: RrClass.IN, ttl, data };
}

export const a = (name: string, ttl: number, address = "192.0.2.1") => rr(name, ttl, { kind: "A", address });
export const cname = (name: string, ttl: number, target: string) => rr(name, ttl, { kind: "CNAME", target });

export function soa(ttl: number, minimum: number): ResourceRecord {
  const numbers = { serial: 1, refresh: 2, retry: 3, expire: 4, minimum };
  return rr("example.org.", ttl, {
    kind: "SOA",
    mname: "ns.example.org.",
    rname: "root.example.org.",
    ...numbers,
  });
}

/** An answer of an upstream. */
export function said(answers: readonly ResourceRecord[], part: Partial<Answer> = {}): Answer {
  return { ...answer("upstream", { answers, upstream: "192.0.2.53:53" }), ...part };
}

export const nodata = (ttl: number, minimum: number) => said([], { authority: [soa(ttl, minimum)] });
export const nxdomain = (ttl: number, minimum: number) => ({
  ...nodata(ttl, minimum),
  rcode: Rcode.NXDOMAIN,
});

export function failure(text = "192.0.2.53:53 timed out"): ResolveFailure {
  return new ResolveFailure({ code: EdeCode.NO_REACHABLE_AUTHORITY, text });
}

/** A query whose trace is kept: `www.example.org. A` of the host, with RD, other than `part` says. */
export function aQuery(name = "www.example.org.", part: Partial<Query> & { type?: number } = {}) {
  const trace = recordingTrace(() => 0);
  const { type = RrType.A, ...rest } = part;
  const query: Query = {
    question: { name, type, class: RrClass.IN },
    client: { sandbox: undefined, transport: "udp" },
    rd: true,
    cd: false,
    ad: false,
    do: false,
    signal: new AbortController().signal,
    ...rest,
    trace,
  };
  return { ...query, trace: trace as typeof trace & { readonly steps: readonly Step[] } };
}

export type Said = Answer | ResolveFailure | Error | undefined;

/** A cache before an upstream that says what the test tells it to, at once or when the test says so. */
export function scripted(settings: Partial<CacheSettings> = {}, uses: Uses = NO_USES) {
  const clock = fakeClock();
  const stopping = new AbortController();
  const asked: Query[] = [];
  const held: (() => void)[] = [];
  const script = {
    says: said([a("www.example.org.", 100)]) as Said | ((query: Query) => Said),
    isHolding: false,
    scope: "host",
    admit: (inner: Resolver): Resolver => inner,
  };
  const inner: Resolver = {
    name: "upstream",
    async resolve(query) {
      asked.push(query);
      if (script.isHolding) await new Promise<void>((resolve) => held.push(resolve));
      const says = typeof script.says === "function" ? script.says(query) : script.says;
      if (says instanceof Error) throw says;
      return says;
    },
  };
  const cache = createCache({
    settings: { ...SETTINGS, ...settings },
    clock,
    signal: stopping.signal,
    counters: cacheCounters(),
    uses,
  });
  const resolver = cache.cached({
    scope: () => script.scope,
    inner,
    admit: (each) => ({ name: each.name, resolve: (query) => script.admit(each).resolve(query) }),
  });
  return {
    cache,
    clock,
    asked,
    script,
    stopping,
    resolver,
    ask: async (name?: string, part?: Parameters<typeof aQuery>[1]) => resolver.resolve(aQuery(name, part)),
    /** Passes this many seconds. */
    pass: (seconds: number) => clock.advance(seconds * 1000),
    /** Lets the upstream say what it was asked for; resolves when all that follows from it is done. */
    async release() {
      for (const go of held.splice(0)) go();
      await settled();
    },
  };
}

/** All that can happen without time passing has happened. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
