import { describe, expect, test } from "vitest";
import type { ExplainRequest } from "../api/control.ts";
import { silentLog } from "../base/log.ts";
import { container, endpoint, registryOf, stillClock, sync } from "../registry/fixture.suite.ts";
import { registryZone } from "../registry/zone.ts";
import { chain } from "../resolver/chain.ts";
import { ResolveFailure } from "../resolver/failure.ts";
import { answer } from "../resolver/reply.ts";
import type { Resolver } from "../resolver/resolver.ts";
import { EdeCode, Rcode, RrClass, RrType } from "../wire/iana.ts";
import { explainer } from "./explaining.ts";
import type { Files } from "./telling-stub.ts";

const shop = registryOf([
  container("web-1", [endpoint("shop", { ipv4: "10.5.0.2", aliases: ["web"] })]),
  ...Array.from({ length: 40 }, (_, i) =>
    container(`many-${i}`, [endpoint("shop", { ipv4: `10.6.0.${i}`, aliases: ["many"] })]),
  ),
]);

/** Knows `*.wild.example.`, fails below `down.example.`, and says NXDOMAIN to all else. */
const upstream: Resolver = {
  name: "upstream",
  async resolve({ question: { name }, trace }) {
    trace.step("upstream", "asked", { name });
    if (name.endsWith(".down.example."))
      throw new ResolveFailure({ code: EdeCode.NETWORK_ERROR, text: "it is down" });
    if (!name.endsWith(".wild.example.")) return answer("upstream", { rcode: Rcode.NXDOMAIN });
    const data = { kind: "A" as const, address: "192.0.2.1" };
    return answer("upstream", { answers: [{ name, type: RrType.A, class: RrClass.IN, ttl: 60, data }] });
  },
};

function explain(
  request: ExplainRequest,
  conf = "nameserver 127.0.0.11\n",
  files: Partial<ReturnType<Files>> = {},
  registry = shop,
) {
  return explainer({
    registry,
    resolver: () => chain("test", [registryZone({ registry, ttl: () => 5 }), upstream]),
    clock: stillClock(),
    log: silentLog,
    signal: new AbortController().signal,
    isAttached: () => true,
    files: () => ({ resolvConf: conf, hosts: undefined, libc: "glibc", from: "here", ...files }),
  })(request);
}

/** The names that the stub asked for, and what it made of each. */
async function asked(...args: Parameters<typeof explain>): Promise<string[]> {
  const { steps } = await explain(...args);
  return steps.flatMap(({ who, decision, detail }) => {
    if (who !== "stub") return [];
    if (decision === "asks") return [String(detail.name)];
    return /^(?:takes|goes on|gives up)/.test(decision) ? [decision] : [];
  });
}

const web = (name: string): ExplainRequest => ({ name, from: "web-1" });

describe("explaining", () => {
  test("without --from the name is asked as it is", async () => {
    const { steps, ...report } = await explain({ name: "web" });
    expect(report).toMatchObject({
      from: null,
      rcode: "NOERROR",
      question: { name: "web.", type: "A" },
      answeredAs: "web.",
    });
    expect(steps[0]).toMatchObject({ who: "stub", decision: "asks", detail: { name: "web." } });
  });

  test("the result is the answer that libc takes, and the question the one that was asked", async () => {
    const conf = "nameserver 127.0.0.11\nsearch wild.example\n";
    expect(await asked(web("web"), conf)).toEqual(["web.wild.example.", "takes the answer"]);
    expect(await explain(web("web"), conf)).toMatchObject({
      question: { name: "web.", type: "A" },
      answeredAs: "web.wild.example.",
      answers: [{ data: "192.0.2.1" }],
    });
  });

  test("where there is none, the result is that of the name as it is", async () => {
    const conf = "nameserver 127.0.0.11\nsearch down.example gone.example\noptions ndots:0\n";
    expect(await asked(web("nobody"), conf)).toEqual([
      ...["nobody.", "goes on", "nobody.down.example.", "goes on", "nobody.gone.example.", "gives up"],
    ]);
    expect(await explain(web("nobody"), conf)).toMatchObject({
      question: { name: "nobody." },
      answeredAs: "nobody.",
      rcode: "NXDOMAIN",
    });
  });

  test("musl gives up at a failure", async () => {
    const conf = "nameserver 127.0.0.11\nsearch down.example\n";
    expect(await asked(web("web"), conf, { libc: "musl" })).toEqual(["web.down.example.", "gives up"]);
    expect(await explain(web("web"), conf, { libc: "musl" })).toMatchObject({
      question: { name: "web." },
      answeredAs: "web.down.example.",
      rcode: "SERVFAIL",
      ede: [{ text: "it is down" }],
    });
  });

  test("a candidate that is no name is left out", async () => {
    const conf = `nameserver 127.0.0.11\nsearch ${"x".repeat(64)}.example\n`;
    expect(await asked(web("web"), conf)).toEqual(["web.", "takes the answer"]);
    expect((await explain(web("web"), conf)).steps.map(({ decision }) => decision)).toContain(
      "can't ask: it is too long, or no domain name",
    );
  });

  test("an address is asked for backwards, without a search list", async () => {
    const conf = "nameserver 127.0.0.11\nsearch wild.example\noptions ndots:15\n";
    for (const name of ["10.5.0.2", "2.0.5.10.in-addr.arpa"]) {
      const report = await explain({ name, type: "PTR", from: "web-1" }, conf);
      expect(report.answers).toMatchObject([{ data: "web-1.shop." }]);
      expect(report.steps.at(-1)).toMatchObject({ who: "provenance", decision: "10.5.0.2 belongs to web-1" });
    }
    expect(await explain({ name: "10.5.0.2", type: "A" })).toMatchObject({ question: { name: "10.5.0.2." } });
    expect((await explain({ name: "192.0.2.9" })).steps.at(-1)).toMatchObject({
      decision: "192.0.2.9 belongs to no container",
    });
  });

  test("what does not fit is told for the datagram of this client", async () => {
    const truncation = async (conf: string) =>
      (await explain(web("many"), conf)).steps.find(({ decision }) => decision.startsWith("truncated"))
        ?.detail;
    expect(await truncation("nameserver 127.0.0.11\n")).toMatchObject({ octets: 512, of: 40 });
    expect(await truncation("nameserver 127.0.0.11\noptions edns0\n")).toBeUndefined();
  });

  test("who asks other servers is told so", async () => {
    const { steps } = await explain(web("web"), "nameserver 10.0.0.1\n");
    expect(steps[1]).toMatchObject({ decision: expect.stringContaining("does not ask 127.0.0.11") });
  });

  test("a name that is gone is told with what took it away", async () => {
    const emptied = registryOf([
      container("gone-1", [endpoint("shop", { ipv4: "10.5.0.9", aliases: ["gone"] })]),
    ]);
    sync(emptied, [container("other", [endpoint("shop", { ipv4: "10.5.0.9" })])]);
    const { rcode, steps } = await explain({ name: "gone.shop" }, undefined, {}, emptied);
    expect(rcode).toBe("NXDOMAIN");
    expect(steps.at(-1)).toMatchObject({
      decision: "no longer under this name",
      detail: {
        removed: [{ address: "10.5.0.9", container: "gone-1", cause: "test sync", heldNowBy: ["other"] }],
      },
    });
  });

  test("refuses what is no name, no type and no container", async () => {
    await expect(explain({ name: "a..b" })).rejects.toMatchObject({ code: "USAGE" });
    await expect(explain({ name: "web", type: "AA" })).rejects.toMatchObject({ code: "USAGE" });
    await expect(explain({ name: "web", from: "ghost" })).rejects.toMatchObject({
      code: "NO_SUCH_CONTAINER",
    });
  });
});
