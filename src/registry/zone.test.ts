import { describe, expect, test } from "vitest";
import { ResolveFailure } from "../resolver/failure.ts";
import type { Answer } from "../resolver/resolver.ts";
import { noTrace, recordingTrace } from "../resolver/trace.ts";
import { EdeCode, Rcode, RrClass, RrType } from "../wire/iana.ts";
import { container, endpoint, put, registryOf, stillClock, sync } from "./fixture.suite.ts";
import { createRegistry, type Registry } from "./registry.ts";
import { shuffled } from "./shuffle.ts";
import { registryZone } from "./zone.ts";

const shop = [
  container("web-1", [
    endpoint("shop", { ipv4: "10.5.0.2", ipv6: "fd05::2", aliases: ["web"], links: { database: "db" } }),
  ]),
  container("web-2", [endpoint("shop", { ipv4: "10.5.0.3", aliases: ["web"] })]),
  container("db", [endpoint("shop", { ipv4: "10.5.0.4" })]),
  container("stopped", [endpoint("shop")]),
  container("x".repeat(64), [endpoint("shop", { ipv4: "10.5.0.5" })]),
];

interface Asked {
  readonly sandbox?: string | undefined;
  readonly class?: number;
  readonly trace?: ReturnType<typeof recordingTrace>;
  readonly registry?: Registry;
}

/** Whatever `random` gives, the last item stays last: addresses come as they were bound. */
const inOrder = () => 0.999;

async function ask(name: string, type: keyof typeof RrType, asked: Asked = {}): Promise<Answer | undefined> {
  const { trace = noTrace, registry = registryOf(shop) } = asked;
  const zone = registryZone({ registry, ttl: () => 5, random: inOrder });
  return zone.resolve({
    question: { name, type: RrType[type], class: asked.class ?? RrClass.IN },
    client: { sandbox: "sandbox" in asked ? asked.sandbox : "test/web-1", transport: "udp" },
    ...{ rd: true, cd: false, ad: false, do: false },
    signal: new AbortController().signal,
    trace,
  });
}

/** The answer section as text; "declined" if there is no answer. */
async function say(...question: Parameters<typeof ask>): Promise<string[] | "declined"> {
  const answer = await ask(...question);
  if (answer === undefined) return "declined";
  expect(answer).toMatchObject({
    rcode: Rcode.NOERROR,
    aa: true,
    ad: false,
    origin: "registry",
    authority: [],
  });
  return answer.answers.map(({ name, type, class: rrclass, ttl, data }) => {
    expect([type, rrclass]).toEqual([RrType[data.kind as keyof typeof RrType], RrClass.IN]);
    const { address, target, cpu } = { address: undefined, target: undefined, cpu: undefined, ...data };
    return [name, ttl, data.kind, address ?? target ?? new TextDecoder().decode(cpu)].join(" ");
  });
}

describe("the registry's zone", () => {
  test.each<[string, keyof typeof RrType, string[] | "declined"]>([
    ["web.", "A", ["web. 5 A 10.5.0.2", "web. 5 A 10.5.0.3"]],
    ["wEb.SHOP.", "A", ["wEb.SHOP. 5 A 10.5.0.2", "wEb.SHOP. 5 A 10.5.0.3"]],
    ["web.", "AAAA", ["web. 5 AAAA fd05::2"]],
    ["database.", "A", ["database. 5 A 10.5.0.4"]],
    ["web-2.", "AAAA", []],
    ["database.", "AAAA", []],
    ["stopped.", "A", []],
    ["stopped.", "AAAA", []],
    ["web.", "ANY", ["web. 5 HINFO RFC8482"]],
    ["stopped.", "ANY", ["stopped. 5 HINFO RFC8482"]],
    ["2.0.5.10.in-addr.arpa.", "PTR", ["2.0.5.10.in-addr.arpa. 5 PTR web-1.shop."]],
    ["2.0.5.10.IN-ADDR.Arpa.", "PTR", ["2.0.5.10.IN-ADDR.Arpa. 5 PTR web-1.shop."]],
    ["2.0.5.10.in-addr.arpa.", "ANY", ["2.0.5.10.in-addr.arpa. 5 HINFO RFC8482"]],
    ["2.0.5.10.in-addr.arpa.", "TXT", []],
    ["5.0.5.10.in-addr.arpa.", "PTR", []],
    ["1.0.5.10.in-addr.arpa.", "PTR", "declined"],
    ["5.10.in-addr.arpa.", "PTR", "declined"],
    ["elsewhere.", "A", "declined"],
    ["elsewhere.", "ANY", "declined"],
    ["web.other.", "A", "declined"],
    [".", "NS", "declined"],
  ])("answers %s %s with %j", async (name, type, expected) => {
    expect(await say(name, type)).toEqual(expected);
  });

  test("answers for an IPv6 address, in any letter case", async () => {
    const name = `2.${"0.".repeat(27)}5.0.D.F.ip6.arpa.`;
    expect(await say(name, "PTR")).toEqual([`${name} 5 PTR web-1.shop.`]);
  });

  test.each(Object.keys(RrType).filter((type) => !["A", "AAAA", "ANY"].includes(type)))(
    "answers %s of a known name with NODATA: it goes nowhere else",
    async (type) => {
      expect(await say("web.", type as keyof typeof RrType)).toEqual([]);
      expect(await say("stopped.", type as keyof typeof RrType)).toEqual([]);
    },
  );

  test("answers the host for every network, without links", async () => {
    expect(await say("web-2.", "A", { sandbox: undefined })).toEqual(["web-2. 5 A 10.5.0.3"]);
    expect(await say("web-2.shop.", "A", { sandbox: undefined })).toEqual(["web-2.shop. 5 A 10.5.0.3"]);
    expect(await say("database.", "A", { sandbox: undefined })).toBe("declined");
  });

  test("answers class ANY as class IN", async () => {
    expect(await say("db.", "A", { class: RrClass.ANY })).toEqual(["db. 5 A 10.5.0.4"]);
  });

  test.each(["web.", "2.0.5.10.in-addr.arpa."])(
    "refuses %s in another class, and does not let it out",
    async (name) => {
      const failure = {
        rcode: Rcode.REFUSED,
        ede: { code: EdeCode.NOT_SUPPORTED, text: expect.stringContaining("CH") },
      };
      await expect(ask(name, "A", { class: RrClass.CH })).rejects.toMatchObject(failure);
      expect(await say("version.bind.", "TXT", { class: RrClass.CH })).toBe("declined");
    },
  );

  test("takes the TTL and the order of addresses anew for each answer", async () => {
    const registry = registryOf(shop);
    let [seconds, random] = [5, 0.999];
    const zone = registryZone({ registry, ttl: () => seconds, random: () => random });
    const first = async () => {
      const question = { name: "web.", type: RrType.A, class: RrClass.IN };
      const client = { sandbox: "test/web-1", transport: "udp" } as const;
      const flags = { rd: true, cd: false, ad: false, do: false };
      const answer = await zone.resolve({
        ...{ question, client, trace: noTrace, ...flags },
        signal: new AbortController().signal,
      });
      return answer?.answers[0];
    };
    expect(await first()).toMatchObject({ ttl: 5, data: { address: "10.5.0.2" } });
    [seconds, random] = [0, 0];
    expect(await first()).toMatchObject({ ttl: 0, data: { address: "10.5.0.3" } });
  });
});

describe("before every source has been read, the zone", () => {
  function halfRead(): Registry {
    const registry = createRegistry({ clock: stillClock(), host: "h" });
    registry.expect("docker");
    registry.expect("file:shop.yaml");
    sync(registry, shop, [], "file:shop.yaml");
    return registry;
  }

  test("answers what it knows already", async () => {
    expect(await say("db.", "A", { registry: halfRead() })).toEqual(["db. 5 A 10.5.0.4"]);
  });

  test.each(["www.example.org.", "9.9.9.9.in-addr.arpa."])(
    "fails for %s, which may be known soon",
    async (name) => {
      const failure = ask(name, "A", { registry: halfRead() });
      await expect(failure).rejects.toBeInstanceOf(ResolveFailure);
      const ede = { code: EdeCode.NOT_READY, text: "docker has not been read yet" };
      await expect(failure).rejects.toMatchObject({ rcode: Rcode.SERVFAIL, ede });
    },
  );

  test("is different from afterwards", async () => {
    const registry = halfRead();
    sync(registry, [], [], "docker");
    expect(await say("www.example.org.", "A", { registry })).toBe("declined");
  });
});

describe("the zone's trace", () => {
  async function steps(name: string, type: keyof typeof RrType, asked: Asked = {}) {
    const trace = recordingTrace(() => 0);
    await ask(name, type, { ...asked, trace }).catch(() => {});
    return trace.steps.map(({ who, decision, detail }) => ({ who, decision, detail }));
  }

  test("tells the view, what was tried, what matched and who bound it", async () => {
    expect(await steps("web-2.shop.", "A")).toEqual([
      {
        who: "registry",
        decision: "the container's view",
        detail: { sandbox: "test/web-1", container: "web-1", networks: ["shop"], revision: 1, ready: true },
      },
      {
        who: "registry",
        decision: "looked",
        detail: {
          tried: [
            { name: "web-2.shop.", network: undefined, in: "shop", via: "name", outcome: "unknown" },
            { name: "web-2.", network: "shop.", in: "shop", via: "name", outcome: "found" },
          ],
        },
      },
      {
        who: "registry",
        decision: "name known",
        detail: {
          network: "shop",
          via: "name",
          name: "web-2.",
          type: "A",
          addresses: ["10.5.0.3"],
          boundBy: [
            {
              container: "web-2",
              sandbox: "test/web-2",
              kind: "container-name",
              source: "test",
              since: "2026-01-01T00:00:00.000Z",
              revision: 1,
              cause: "test sync",
            },
          ],
        },
      },
    ]);
  });

  test.each<[string, keyof typeof RrType, string[]]>([
    ["elsewhere.", "A", ["the container's view", "looked", "declined: no such name or address in this view"]],
    ["2.0.5.10.in-addr.arpa.", "PTR", ["the container's view", "address known"]],
    ["db.", "A", ["the container's view", "looked", "name known"]],
    ["web.", "A", ["the container's view", "looked", "name known", "shuffled"]],
    [
      "db.",
      "AAAA",
      ["the container's view", "looked", "name known", "NODATA: the name has no record of this type"],
    ],
  ])("of %s %s ends with the decision", async (name, type, decisions) => {
    expect((await steps(name, type)).map(({ decision }) => decision)).toEqual(decisions);
  });

  test("tells of a class that is refused", async () => {
    const last = (await steps("db.", "A", { class: RrClass.CH })).at(-1);
    expect(last).toMatchObject({
      decision: "refused: containers have no records of this class",
      detail: { class: "CH" },
    });
  });

  test("tells of the host's view, and of a failure", async () => {
    const registry = createRegistry({ clock: stillClock(), host: "h" });
    registry.expect("docker");
    put(registry, shop[0]!, "docker");
    expect(await steps("x.", "A", { registry, sandbox: undefined })).toMatchObject([
      { decision: "the host's view", detail: { networks: "all", ready: false } },
      { decision: "looked" },
      {
        decision: "failed: a source that may know the name has not been read yet",
        detail: { awaited: ["docker"] },
      },
    ]);
  });

  test("costs nothing while nobody listens", async () => {
    const registry = registryOf(shop);
    let made = 0;
    const trace = {
      ...recordingTrace(() => 0),
      step(_who: string, _decision: string, detail: unknown) {
        if (typeof detail === "object") made += 1;
      },
    };
    await ask("web.", "A", { registry, trace });
    expect(made).toBe(0);
  });
});

describe("shuffled", () => {
  test("gives every order equally often", () => {
    let seed = 1;
    const random = () => {
      seed = (seed * 48_271) % 2_147_483_647;
      return seed / 2_147_483_647;
    };
    const counts = new Map<string, number>();
    for (let i = 0; i < 6000; i++) {
      const order = shuffled(["a", "b", "c"], random).join("");
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(150);
  });
});
