import fc from "fast-check";
import { expect, test } from "vitest";
import { Rcode } from "../wire/iana.ts";
import { a, cname, failure, nxdomain, type Said, said, scripted, settled } from "./scripted.suite.ts";
import { ENTRY_BYTES } from "./store.ts";

/** Room for two of the four names. */
const MAX_BYTES = 2 * (ENTRY_BYTES + 150);
const MAX_AGE = 60;
const TTL = fc.constantFrom(0, 1, 2, 10, 29, 100);
const NAMES = ["a.example.org.", "A.example.org.", "b.example.org.", "c.example.org.", "d.example.org."];

/** Beside what these TTLs end at, now and then anything. */
const PASSING = fc.oneof(
  fc.constantFrom(
    0,
    400,
    999,
    1000,
    1500,
    2000,
    9500,
    10_000,
    28_000,
    29_000,
    30_000,
    59_000,
    60_000,
    100_000,
  ),
  fc.integer({ min: 0, max: 40_000 }),
);

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ do: fc.constant("ask" as const), name: fc.constantFrom(...NAMES) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant("pass" as const), ms: PASSING }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("positive" as const), ttl: TTL, other: TTL }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("negative" as const), ttl: TTL }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("fail" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("flush" as const), name: fc.constantFrom(...NAMES) }) },
);

/**
 * Against what the upstream said last, and when: nothing is given that has expired but as stale, and then within its
 * bound; no TTL is negative, or above what is left; and no more is kept than fits.
 */
test("never an expired answer, a wrong TTL or too many bytes, whatever happens", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 120, size: "max" }), async (steps) => {
      const { ask, asked, script, cache, clock } = scripted({
        maxBytes: MAX_BYTES,
        serveStale: { maxAge: MAX_AGE, ttl: 30, answerAfter: 1.8, recheck: 30 },
      });
      /** By folded name: the first expiry of what was said last, in milliseconds. */
      const lastSaid = new Map<string, number>();
      let manner: (name: string) => Said = () => failure();
      let lifetime = 0;
      script.says = ({ question: { name } }) => {
        const says = manner(name);
        if (!(says instanceof Error)) lastSaid.set(name.toLowerCase(), clock.now() + lifetime * 1000);
        return says;
      };
      for (const each of steps) {
        if (each.do === "pass") clock.advance(each.ms);
        else if (each.do === "flush") cache.flush(each.name);
        else if (each.do === "fail") manner = () => failure();
        else if (each.do === "negative") {
          manner = () => nxdomain(each.ttl, 100);
          lifetime = each.ttl;
        } else if (each.do === "positive") {
          manner = (name) => said([cname(name, each.ttl, "x."), a("x.", each.other)]);
          lifetime = Math.min(each.ttl, each.other);
        } else {
          const before = asked.length;
          const expiry = lastSaid.get(each.name.toLowerCase());
          const got = await ask(each.name).catch(() => undefined);
          await settled();
          const left = ((expiry ?? Number.NEGATIVE_INFINITY) - clock.now()) / 1000;
          const records = [...(got?.answers ?? []), ...(got?.authority ?? [])];
          const ttls = records.map(({ ttl }) => ttl);
          expect(Math.min(0, ...ttls)).toBe(0);
          if (got?.origin === "cache" && got.rcode !== Rcode.SERVFAIL) {
            expect(left).toBeGreaterThan(0);
            expect(Math.min(...ttls)).toBe(Math.ceil(left));
            expect(Math.min(...ttls)).toBeGreaterThan(0);
            expect(got.reuse?.milliseconds ?? 0).toBeLessThanOrEqual(left * 1000);
          } else if (got?.origin === "stale") {
            expect(left).toBeLessThanOrEqual(0);
            expect(left).toBeGreaterThan(-MAX_AGE);
            expect(new Set(ttls)).toEqual(new Set([30]));
          } else if (got?.origin === "upstream") {
            expect(asked.length).toBe(before + 1);
          }
          if (got?.origin !== "cache" && got?.answers[0] !== undefined)
            expect(got.answers[0].name).toBe(each.name);
        }
        expect(cache.stats().bytes).toBeLessThanOrEqual(MAX_BYTES);
      }
    }),
    { numRuns: 100 },
  );
});
