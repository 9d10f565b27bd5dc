import { describe, expect, test } from "vitest";
import { ResolveFailure } from "../resolver/failure.ts";
import { answer } from "../resolver/reply.ts";
import type { Answer } from "../resolver/resolver.ts";
import { EdeCode, Rcode, RrType } from "../wire/iana.ts";
import { a, aQuery, failure, nodata, nxdomain, said, scripted, settled } from "./scripted.suite.ts";

const decisions = (query: ReturnType<typeof aQuery>) =>
  query.trace.steps.filter(({ who }) => who === "cache").map(({ decision }) => decision);

describe("a fresh answer", () => {
  test("is given again, counting down, until its TTL has passed", async () => {
    const { ask, pass, asked } = scripted({ prefetch: false });
    expect(await ask()).toMatchObject({ origin: "upstream", answers: [{ ttl: 100 }] });
    pass(1.5);
    expect(await ask()).toMatchObject({
      origin: "cache",
      upstream: "192.0.2.53:53",
      answers: [{ name: "www.example.org.", ttl: 99, data: { address: "192.0.2.1" } }],
    });
    pass(98.4);
    expect(await ask()).toMatchObject({ origin: "cache", answers: [{ ttl: 1 }] });
    expect(asked).toHaveLength(1);
  });

  test("is asked for anew after that", async () => {
    const { ask, pass, asked } = scripted();
    await ask();
    pass(100);
    expect(await ask()).toMatchObject({ origin: "upstream", answers: [{ ttl: 100 }] });
    expect(asked).toHaveLength(2);
  });

  test("is found in any letter case, and given in that of the question", async () => {
    const { ask, asked } = scripted();
    await ask("WWW.example.org.");
    expect(await ask("www.EXAMPLE.org.")).toMatchObject({ answers: [{ name: "www.EXAMPLE.org." }] });
    expect(asked).toHaveLength(1);
  });

  test("is nobody's who asks another type, with other DO or CD, or in another scope", async () => {
    const { ask, asked, script } = scripted();
    await ask();
    await ask(undefined, { type: RrType.AAAA });
    await ask(undefined, { do: true });
    await ask(undefined, { cd: true });
    script.scope = "container";
    await ask();
    expect(asked).toHaveLength(5);
    script.scope = "host";
    await ask();
    expect(asked).toHaveLength(5);
  });

  test("says how long it may be given without asking here: until it may have to be asked for anew", async () => {
    const { ask, pass } = scripted();
    expect(await ask()).not.toHaveProperty("reuse");
    pass(9.75);
    expect(await ask()).toMatchObject({ reuse: { milliseconds: 80_250, agedMs: 750 } });
    pass(80.25);
    expect(await ask()).not.toHaveProperty("reuse");
    const unfetched = scripted({ prefetch: false });
    await unfetched.ask();
    unfetched.pass(90);
    expect(await unfetched.ask()).toMatchObject({ reuse: { milliseconds: 10_000, agedMs: 0 } });
  });

  test("is had before a failure of the same question", async () => {
    const { ask, pass, script, resolver } = scripted();
    await ask();
    pass(95);
    await ask();
    script.says = failure();
    await ask();
    await settled();
    const query = aQuery();
    expect(await resolver.resolve(query)).toMatchObject({ origin: "cache", rcode: Rcode.NOERROR });
    expect(decisions(query)).toEqual(["hit"]);
  });

  test("tells in the trace what was decided", async () => {
    const { resolver, pass } = scripted();
    const [first, second] = [aQuery(), aQuery()];
    await resolver.resolve(first);
    pass(7.5);
    await resolver.resolve(second);
    expect(decisions(first)).toEqual(["miss", "stored"]);
    expect(second.trace.steps).toMatchObject([
      {
        who: "cache",
        decision: "hit",
        detail: { ageSeconds: 7, remainingSeconds: 93, upstream: "192.0.2.53:53" },
      },
    ]);
  });
});

describe("what is kept", () => {
  test.each([
    ["NODATA", nodata(60, 50)],
    ["NXDOMAIN", nxdomain(60, 50)],
  ])("%s, as long as its SOA says (RFC 2308 §5)", async (_, says) => {
    const { ask, pass, asked, script } = scripted();
    script.says = says;
    expect(await ask()).toMatchObject({ authority: [{ ttl: 50 }] });
    pass(49);
    expect(await ask()).toMatchObject({ origin: "cache", rcode: says.rcode, authority: [{ ttl: 1 }] });
    pass(1);
    await ask();
    expect(asked).toHaveLength(2);
  });

  test("NXDOMAIN says nothing of the names below it (RFC 8020 is not applied), nor of other types", async () => {
    const { ask, asked, script } = scripted();
    script.says = nxdomain(60, 50);
    await ask("example.org.");
    await ask("www.example.org.");
    await ask("example.org.", { type: RrType.AAAA });
    expect(asked).toHaveLength(3);
  });

  test.each([
    ["TTL 0", said([a("www.example.org.", 0)])],
    ["NXDOMAIN without SOA", said([], { rcode: Rcode.NXDOMAIN })],
    ["an answer that a resolver made up", answer("none")],
    ["a decline", undefined],
  ])("not %s", async (_, says) => {
    const { ask, asked, script, cache } = scripted();
    script.says = says;
    await ask();
    await ask();
    expect(asked).toHaveLength(2);
    expect(cache.stats()).toMatchObject({ entries: 0 });
  });

  test("an answer that is not kept replaces one that was", async () => {
    const { ask, pass, script } = scripted();
    await ask();
    pass(100);
    script.says = said([], { rcode: Rcode.NXDOMAIN });
    await ask();
    script.says = failure();
    await expect(ask()).rejects.toBeInstanceOf(ResolveFailure);
  });

  test("not what is said without recursion, though what is there is given", async () => {
    const { ask, asked } = scripted();
    await ask(undefined, { rd: false });
    await ask();
    expect(asked.map(({ rd }) => rd)).toEqual([false, true]);
    expect(await ask(undefined, { rd: false })).toMatchObject({ origin: "cache" });
  });

  test("upstreams are always asked for AD, since others may want it (RFC 6840 §5.7)", async () => {
    const { ask, asked } = scripted();
    await ask();
    expect(asked[0]).toMatchObject({ ad: true });
  });

  test("nothing by a cache of no bytes, and nobody waits for others there", async () => {
    const { ask, asked, script, cache, release } = scripted({ maxBytes: 0 });
    script.isHolding = true;
    const both = [ask(), ask()];
    await release();
    expect(await Promise.all(both)).toMatchObject([{ origin: "upstream" }, { origin: "upstream" }]);
    script.isHolding = false;
    await ask();
    expect(asked).toHaveLength(3);
    expect(cache.stats()).toMatchObject({ entries: 0, bytes: 0, maxBytes: 0, misses: 0 });
  });

  test("what was asked the longest ago makes room, and the bound holds", async () => {
    const { ask, script, cache } = scripted({ maxBytes: 5000 });
    script.says = ({ question: { name } }) => said([a(name, 100)]);
    for (let i = 0; i < 50; i++) {
      await ask(`host-${i}.example.org.`);
      expect(cache.stats().bytes).toBeLessThanOrEqual(5000);
    }
    const { entries, evictions } = cache.stats();
    expect(entries + evictions).toBe(50);
    expect(entries).toBeGreaterThan(5);
    expect(await ask("host-49.example.org.")).toMatchObject({ origin: "cache" });
    expect(await ask("host-0.example.org.")).toMatchObject({ origin: "upstream" });
  });

  test("what is given elsewhere all the time does not make room, and is there when upstreams fail", async () => {
    let last = 0;
    const used = new Set<number>();
    const uses = { nextMark: () => ++last, take: (mark: number) => used.delete(mark) };
    const { ask, pass, script, cache } = scripted({ maxBytes: 5000 }, uses);
    script.says = ({ question: { name } }) => said([a(name, 100)]);
    const marks: number[] = [];
    for (const name of ["popular", "unwanted"]) {
      await ask(`${name}.example.org.`);
      marks.push((await ask(`${name}.example.org.`))!.reuse!.mark!);
    }
    expect(new Set(marks)).toEqual(new Set([1, 2]));
    for (let i = 0; i < 50; i++) {
      used.add(marks[0]!);
      await ask(`host-${i}.example.org.`);
      expect(cache.stats().bytes).toBeLessThanOrEqual(5000);
    }
    pass(100);
    script.says = failure();
    expect(await ask("popular.example.org.")).toMatchObject({ origin: "stale" });
    await expect(ask("unwanted.example.org.")).rejects.toThrow();
  });

  test("where all are given elsewhere, some make room all the same", async () => {
    const uses = { nextMark: () => 1, take: () => true };
    const { ask, script, cache } = scripted({ maxBytes: 5000 }, uses);
    script.says = ({ question: { name } }) => said([a(name, 100)]);
    for (let i = 0; i < 50; i++) {
      for (let time = 0; time < 2; time++) await ask(`host-${i}.example.org.`);
      expect(cache.stats().bytes).toBeLessThanOrEqual(5000);
    }
    expect(cache.stats().evictions).toBeGreaterThan(0);
  });
});

describe("equal questions in flight", () => {
  test("are asked once, and each is answered in its letter case", async () => {
    const { ask, asked, script, release, cache } = scripted();
    script.isHolding = true;
    const names = ["www.example.org.", "WWW.example.org.", "www.example.ORG."];
    const all = Array.from({ length: 99 }, (_, i) => ask(names[i % 3]));
    await release();
    const answers = (await Promise.all(all)) as Answer[];
    expect(answers.map((each) => each.answers[0]?.name)).toEqual(
      Array.from({ length: 99 }, (_, i) => names[i % 3]),
    );
    expect(asked).toHaveLength(1);
    expect(cache.stats()).toMatchObject({ misses: 99, joined: 98 });
  });

  test("fail together", async () => {
    const { ask, asked, script, release } = scripted();
    script.isHolding = true;
    script.says = failure();
    const all = [ask(), ask(), ask()].map((each) => each?.catch((error: unknown) => error));
    await release();
    for (const each of await Promise.all(all)) expect(each).toBe(script.says);
    expect(asked).toHaveLength(1);
  });

  test("go on without the one who asked first", async () => {
    const { resolver, asked, script, release } = scripted();
    script.isHolding = true;
    const gone = new AbortController();
    const first = resolver.resolve(aQuery(undefined, { signal: gone.signal }));
    const joined = aQuery();
    const second = resolver.resolve(joined);
    gone.abort();
    await expect(first).rejects.toBeInstanceOf(ResolveFailure);
    await release();
    expect(await second).toMatchObject({ origin: "upstream", rcode: Rcode.NOERROR });
    expect(asked).toHaveLength(1);
    expect(decisions(joined)).toEqual(["joined a question in flight"]);
  });

  test("end when the daemon does", async () => {
    const { ask, asked, script, stopping } = scripted();
    script.isHolding = true;
    void ask();
    await settled();
    expect(asked[0]!.signal.aborted).toBe(false);
    stopping.abort();
    expect(asked[0]!.signal.aborted).toBe(true);
  });

  test("are admitted one by one, and a refusal is remembered for nobody", async () => {
    const { ask, asked, script, release } = scripted();
    script.isHolding = true;
    const first = ask();
    const refusal = failure("too many queries in flight");
    script.admit = ({ name }) => ({ name, resolve: () => Promise.reject(refusal) });
    await expect(ask()).rejects.toBe(refusal);
    await expect(ask("other.example.org.")).rejects.toBe(refusal);
    script.admit = (inner) => inner;
    await release();
    expect(await first).toMatchObject({ rcode: Rcode.NOERROR });
    script.isHolding = false;
    expect(await ask("other.example.org.")).toMatchObject({ rcode: Rcode.NOERROR });
    expect(asked).toHaveLength(2);
  });

  test("are not joined where admission refused who asked first", async () => {
    const { ask, asked, script } = scripted();
    const refusal = failure("too many queries in flight");
    script.admit = (inner) => ({
      name: inner.name,
      async resolve(query) {
        if (query.client.sandbox === "busy") throw refusal;
        return inner.resolve(query);
      },
    });
    const from = (sandbox: string) => ({ client: { sandbox, transport: "udp" } }) as const;
    const asking = ["busy", "web", "db"].map((sandbox) => ask("www.example.org.", from(sandbox)));
    expect(await Promise.allSettled(asking)).toMatchObject([
      { reason: refusal },
      { value: { rcode: Rcode.NOERROR } },
      { value: { rcode: Rcode.NOERROR } },
    ]);
    expect(asked).toHaveLength(1);
  });

  test("hits need no admission", async () => {
    const { ask, script } = scripted();
    await ask();
    script.admit = ({ name }) => ({ name, resolve: () => Promise.reject(failure("too many")) });
    expect(await ask()).toMatchObject({ origin: "cache" });
  });
});

describe("failures", () => {
  test.each([
    ["that are thrown", failure("192.0.2.53:53 timed out"), Rcode.SERVFAIL],
    [
      "that upstreams said",
      said([], {
        rcode: Rcode.REFUSED,
        ede: [{ code: EdeCode.NO_REACHABLE_AUTHORITY, text: "192.0.2.53:53 timed out" }],
      }),
      Rcode.REFUSED,
    ],
  ])(
    "%s are remembered for a second, with why it failed and that it is remembered",
    async (_, says, rcode) => {
      const { ask, pass, asked, script, cache } = scripted();
      script.says = says;
      await Promise.allSettled([ask()]);
      pass(0.9);
      expect(await ask()).toMatchObject({
        rcode,
        origin: "cache",
        ede: [
          { code: EdeCode.NO_REACHABLE_AUTHORITY, text: "192.0.2.53:53 timed out" },
          { code: EdeCode.CACHED_ERROR, text: "asked again in 0.1 s at the earliest" },
        ],
      });
      expect(asked).toHaveLength(1);
      expect(cache.stats()).toMatchObject({ failures: 1 });
      pass(0.1);
      await Promise.allSettled([ask()]);
      expect(asked).toHaveLength(2);
    },
  );

  test("are asked again less and less often, at last every five seconds (RFC 9520 §3.2)", async () => {
    const { ask, pass, asked, script } = scripted();
    script.says = failure();
    for (let i = 0; i < 600; i++) {
      await Promise.allSettled([ask()]);
      pass(0.1);
    }
    // At 0, 1, 3, 7 and from there every 5 s.
    expect(asked.length).toBe(14);
  });

  test("are forgotten with the first answer", async () => {
    const { ask, pass, script } = scripted();
    script.says = failure();
    await Promise.allSettled([ask()]);
    script.says = said([a("www.example.org.", 1)]);
    pass(1);
    expect(await ask()).toMatchObject({ origin: "upstream" });
  });

  test("of this program are not remembered, and pass for no failure of upstreams", async () => {
    const { ask, pass, asked, script } = scripted();
    await ask();
    pass(100);
    script.says = new TypeError("a bug");
    await expect(ask()).rejects.toThrow("a bug");
    await expect(ask()).rejects.toThrow("a bug");
    expect(asked).toHaveLength(3);
  });
});

describe("a stale answer", () => {
  const stale = {
    origin: "stale",
    ad: false,
    answers: [{ ttl: 30 }],
    ede: [{ code: EdeCode.STALE_ANSWER, text: expect.stringContaining("timed out") }],
  };

  test("is given when upstreams fail, with TTL 30 (RFC 8767 §4), and says why", async () => {
    const { ask, pass, script, cache } = scripted();
    script.says = said([a("www.example.org.", 100), a("www.example.org.", 5000)], { ad: true });
    await ask();
    pass(112);
    script.says = failure();
    expect(await ask()).toMatchObject({
      ...stale,
      answers: [{ ttl: 30 }, { ttl: 30 }],
      ede: [{ code: EdeCode.STALE_ANSWER, text: "expired 12 s ago: 192.0.2.53:53 timed out" }],
    });
    expect(cache.stats()).toMatchObject({ stale: 1 });
  });

  test("is given for REFUSED, too; another answer, be it NXDOMAIN, takes its place", async () => {
    const { ask, pass, script } = scripted();
    await ask();
    pass(100);
    script.says = said([], { rcode: Rcode.REFUSED });
    expect(await ask()).toMatchObject({ origin: "stale" });
    pass(1);
    script.says = nxdomain(60, 60);
    await ask();
    await settled();
    expect(await ask()).toMatchObject({ origin: "cache", rcode: Rcode.NXDOMAIN });
  });

  test("of a name that did not exist has an error of its own (RFC 8914 §4.20)", async () => {
    const { ask, pass, script } = scripted();
    script.says = nxdomain(60, 60);
    await ask();
    pass(60);
    script.says = failure();
    expect(await ask()).toMatchObject({ rcode: Rcode.NXDOMAIN, ede: [{ code: EdeCode.STALE_NXDOMAIN }] });
  });

  test("is given after 1.8 s of silence; what comes later is kept", async () => {
    const { ask, resolver, pass, script, release, asked } = scripted();
    await ask();
    pass(100);
    script.isHolding = true;
    const query = aQuery();
    let early: Answer | undefined;
    const waiting = resolver.resolve(query)!.then((it) => {
      early = it;
    });
    await settled();
    pass(1.7);
    await settled();
    expect(early).toBeUndefined();
    pass(0.1);
    await waiting;
    expect(early).toMatchObject({ origin: "stale" });
    expect(decisions(query)).toEqual(["miss", "stale"]);
    // Who comes now has nothing to wait for.
    expect(await ask()).toMatchObject({ origin: "stale" });
    await release();
    expect(await ask()).toMatchObject({ origin: "cache", answers: [{ ttl: 100 }] });
    expect(asked).toHaveLength(2);
  });

  test("is given at once for 30 s after a failure, while upstreams are asked in the background", async () => {
    const { ask, pass, script, asked, release } = scripted();
    await ask();
    pass(100);
    script.says = failure();
    await ask();
    script.isHolding = true;
    for (let i = 0; i < 10; i++) {
      expect(await ask()).toMatchObject(stale);
      expect(asked).toHaveLength(2);
      pass(0.09);
    }
    pass(0.1);
    expect(await ask()).toMatchObject(stale);
    expect(await ask()).toMatchObject(stale);
    expect(asked).toHaveLength(3);
    script.says = said([a("www.example.org.", 100, "192.0.2.2")]);
    await release();
    expect(await ask()).toMatchObject({ origin: "cache", answers: [{ data: { address: "192.0.2.2" } }] });
  });

  test("is waited for again when the failure is 30 s old", async () => {
    const { ask, pass, script } = scripted();
    await ask();
    pass(100);
    script.says = failure();
    await ask();
    script.says = said([a("www.example.org.", 100)]);
    pass(30);
    expect(await ask()).toMatchObject({ origin: "upstream" });
  });

  test("is not given when it is older than its bound", async () => {
    const { ask, pass, script, cache } = scripted();
    await ask();
    script.says = failure();
    pass(100 + 86_399);
    expect(await ask()).toMatchObject({ origin: "stale" });
    pass(1);
    // The failure was remembered for less than that.
    await expect(ask()).rejects.toBe(script.says);
    expect(cache.stats()).toMatchObject({ entries: 0 });
  });

  test("is given to a query that could not be admitted", async () => {
    const { ask, pass, script } = scripted();
    await ask();
    pass(100);
    script.admit = ({ name }) => ({ name, resolve: () => Promise.reject(failure("too many")) });
    expect(await ask()).toMatchObject({ origin: "stale" });
  });

  test("is never given if that is switched off", async () => {
    const { ask, pass, script } = scripted({ serveStale: false });
    await ask();
    pass(100);
    script.says = failure();
    await expect(ask()).rejects.toBe(script.says);
  });

  test("may not be given again by others", async () => {
    const { ask, pass, script } = scripted();
    await ask();
    pass(100);
    script.says = failure();
    expect(await ask()).not.toHaveProperty("reuse");
  });
});

describe("prefetch", () => {
  test("asks anew for what is asked for again in the last tenth of its life", async () => {
    const { ask, resolver, pass, asked, script, cache, release } = scripted();
    await ask();
    await ask();
    pass(90);
    script.isHolding = true;
    script.says = said([a("www.example.org.", 100, "192.0.2.2")]);
    const query = aQuery();
    expect(await resolver.resolve(query)).toMatchObject({ origin: "cache", answers: [{ ttl: 10 }] });
    expect(decisions(query)).toEqual(["hit", "prefetch started"]);
    await ask();
    expect(asked).toHaveLength(2);
    await release();
    pass(20);
    expect(await ask()).toMatchObject({
      origin: "cache",
      answers: [{ ttl: 80, data: { address: "192.0.2.2" } }],
    });
    expect(cache.stats()).toMatchObject({ prefetches: 1 });
  });

  test.each([
    ["earlier", {}, 1, 89.9],
    ["for what was given again only once", {}, 0, 95],
    ["if it is switched off", { prefetch: false }, 5, 95],
  ])("does not %s", async (_, settings, hits, after) => {
    const { ask, pass, asked } = scripted(settings);
    for (let i = 0; i <= hits; i++) await ask();
    pass(after);
    await ask();
    await settled();
    expect(asked).toHaveLength(1);
  });

  test("that fails leaves the entry as it is, and is not tried again at once", async () => {
    const { ask, pass, asked, script } = scripted();
    await ask();
    await ask();
    pass(95);
    script.says = failure();
    for (let i = 0; i < 5; i++) {
      expect(await ask()).toMatchObject({ origin: "cache", answers: [{ ttl: 5 }] });
      await settled();
    }
    expect(asked).toHaveLength(2);
  });

  test("asks at most 64 questions at a time", async () => {
    const { ask, pass, asked, script, release } = scripted();
    script.says = ({ question: { name } }) => said([a(name, 100)]);
    const names = Array.from({ length: 100 }, (_, i) => `host-${i}.example.org.`);
    for (const name of names) await ask(name);
    for (const name of names) await ask(name);
    pass(95);
    script.isHolding = true;
    for (const name of names) await ask(name);
    await settled();
    expect(asked).toHaveLength(164);
    await release();
    for (const name of names) await ask(name);
    await settled();
    expect(asked).toHaveLength(200);
  });
});

describe("flush", () => {
  test("forgets everything, failures too", async () => {
    const { ask, asked, script, cache } = scripted();
    await ask();
    await ask("other.example.org.");
    script.says = failure();
    await Promise.allSettled([ask("failed.example.org.")]);
    expect(cache.flush()).toBe(2);
    script.says = said([a("www.example.org.", 100)]);
    for (const name of [undefined, "other.example.org.", "failed.example.org."]) await ask(name);
    expect(asked).toHaveLength(6);
  });

  test("forgets one name, in any letter case, with all types, whoever's upstreams said it", async () => {
    const { ask, asked, script, cache } = scripted();
    script.says = ({ question: { name, type } }) =>
      type === RrType.A ? said([a(name, 100)]) : nodata(60, 60);
    await ask();
    await ask(undefined, { type: RrType.AAAA });
    await ask("sub.www.example.org.");
    script.scope = "container";
    await ask();
    expect(cache.flush("WWW.Example.org.")).toBe(3);
    script.scope = "host";
    expect(await ask("sub.www.example.org.")).toMatchObject({ origin: "cache" });
    expect(asked).toHaveLength(4);
    await ask();
    expect(asked).toHaveLength(5);
  });

  test("lets nothing be kept, or joined, that was asked before", async () => {
    const { ask, asked, script, cache, release } = scripted();
    script.isHolding = true;
    const before = ask();
    cache.flush("www.example.org.");
    const after = ask();
    await settled();
    expect(asked).toHaveLength(2);
    script.says = ({ trace: _, ...query }) => said([a(query.question.name, 100)]);
    await release();
    await Promise.all([before, after]);
    expect(cache.stats()).toMatchObject({ entries: 1, misses: 2, joined: 0 });
  });
});
