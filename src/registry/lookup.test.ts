import { describe, expect, test } from "vitest";
import { candidatesOf } from "./candidates.ts";
import { container, endpoint, networks, put, registryOf } from "./fixture.suite.ts";
import { type Attempt, lookup } from "./lookup.ts";
import type { Container, Endpoint, Network } from "./model.ts";
import type { Registry } from "./registry.ts";

/** `network via address...`, or undefined where the name is not known. */
function find(registry: Registry, sandbox: string | undefined, qname: string): string | undefined {
  const match = lookup(registry.index, registry.view(sandbox && `test/${sandbox}`), qname);
  return match && [match.network, match.via, ...match.addresses].join(" ");
}

const no = undefined;

describe("candidates", () => {
  test.each([
    ["web.", ["web. *"]],
    ["a.b.c.", ["a.b.c. *", "a.b. c.", "a. b.c."]],
    ["a\\.b.c.", ["a\\.b.c. *", "a\\.b. c."]],
    [".", [". *"]],
  ])("of %s are the whole name, then a shorter name in a network of the rest", (qname, expected) => {
    expect(candidatesOf(qname).map(({ name, network }) => `${name} ${network ?? "*"}`)).toEqual(expected);
  });
});

describe("a lookup", () => {
  const registry = registryOf([
    container(
      "web-1",
      [endpoint("shop", { ipv4: "10.5.0.2", ipv6: "fd05::2", aliases: ["web", "www.example.org"] })],
      {
        id: "8c5f0e0d9a7b1122",
        hostname: "Front",
      },
    ),
    container("Web-2", [
      endpoint("shop", { ipv4: "10.5.0.3", aliases: ["web"] }),
      endpoint("Back.End", { ipv4: "10.6.0.3" }),
    ]),
    container("c1.net1", [endpoint("br.net1", { ipv4: "10.7.0.2" })]),
    container("c2", [endpoint("br.net1", { ipv4: "10.7.0.3" })]),
    container("lone", []),
  ]);

  test.each<[string | undefined, string, string | undefined]>([
    ["web-1", "web-1.", "shop name 10.5.0.2 fd05::2"],
    ["web-1", "WEB-1.", "shop name 10.5.0.2 fd05::2"],
    ["web-1", "web.", "shop name 10.5.0.2 fd05::2 10.5.0.3"],
    ["web-1", "8c5f0e0d9a7b.", "shop name 10.5.0.2 fd05::2"],
    ["web-1", "front.", "shop name 10.5.0.2 fd05::2"],
    ["web-1", "www.example.org.", "shop name 10.5.0.2 fd05::2"],
    ["web-1", "example.org.", no],
    ["web-1", "www.", no],
    ["web-1", "8c5f0e0d9a7b1122.", no],
    ["web-1", "8c5f0e0d9a7.", no],
    ["web-1", "shop.", no],
    ["web-1", ".", no],
    ["web-1", "web-2.SHOP.", "shop name 10.5.0.3"],
    ["web-1", "web-2.back.end.", no],
    ["web-1", "c2.", no],
    ["web-1", "web-1.shop.example.org.", no],
    ["Web-2", "web-2.", "Back.End name 10.6.0.3"],
    ["Web-2", "web-2.shop.", "shop name 10.5.0.3"],
    ["Web-2", "web-2.back.end.", "Back.End name 10.6.0.3"],
    ["Web-2", "web-2.end.", no],
    ["c2", "c1.net1.", "br.net1 name 10.7.0.2"],
    ["c2", "c1.net1.br.net1.", "br.net1 name 10.7.0.2"],
    ["c2", "c1.net1.br.net1.google.com.", no],
    ["lone", "web.", no],
    ["nobody", "web.", no],
    [no, "web.", "shop name 10.5.0.2 fd05::2 10.5.0.3"],
    [no, "web-2.", "Back.End name 10.6.0.3"],
    [no, "web-2.shop.", "shop name 10.5.0.3"],
    [no, "c1.net1.br.net1.", "br.net1 name 10.7.0.2"],
    [no, "web.br.net1.", no],
  ])("from %s for %s gives %s", (sandbox, qname, expected) => {
    expect(find(registry, sandbox, qname)).toBe(expected);
  });

  test("tells who bound the name, as what, and since when", () => {
    expect(lookup(registry.index, registry.view("test/web-1"), "web-2.shop.")).toEqual({
      network: "shop",
      via: "name",
      candidate: { name: "web-2.", network: "shop." },
      addresses: ["10.5.0.3"],
      owners: [
        {
          container: "Web-2",
          sandbox: "test/Web-2",
          kind: "container-name",
          source: "test",
          since: "2026-01-01T00:00:00.000Z",
          revision: 1,
        },
      ],
    });
  });

  test("gives one address once, however many hold it", () => {
    const shared = { ipv4: "10.0.0.9", aliases: ["vip"] };
    const two = registryOf([
      container("a", [endpoint("n", shared)]),
      container("b", [endpoint("n", shared)]),
    ]);
    expect(find(two, "a", "vip.")).toBe("n name 10.0.0.9");
  });

  test("merges containers whose names differ in letter case only", () => {
    const two = registryOf([
      container("Foo", [endpoint("n", { ipv4: "10.0.0.2" })]),
      container("foo", [endpoint("n", { ipv4: "10.0.0.3" })]),
    ]);
    expect(find(two, "Foo", "FOO.")).toBe("n name 10.0.0.2 10.0.0.3");
  });

  test("looks in both of two networks whose names differ in letter case only", () => {
    const two = registryOf([
      container("a", [endpoint("Net", { ipv4: "10.0.0.2" }), endpoint("net", { ipv4: "10.1.0.2" })]),
      container("b", [endpoint("net", { ipv4: "10.1.0.3" })]),
    ]);
    expect(find(two, "a", "b.NET.")).toBe("net name 10.1.0.3");
  });

  test("finds names in a network that cannot itself be named in a question", () => {
    const odd = registryOf([container("a", [endpoint("my net", { ipv4: "10.0.0.2" })])]);
    expect(find(odd, "a", "a.")).toBe("my net name 10.0.0.2");
  });
});

describe("the first network that knows the name", () => {
  const both = { ipv4: "10.0.0.1", ipv6: "fd00::1" };

  /** The network that answers when a container is on all of these, and `x` is in each of them. */
  function winner(endpoints: readonly Endpoint[], known: readonly Network[] = []): string | undefined {
    const peers = endpoints.map(({ network }, i) =>
      container(`peer-${i}`, [endpoint(network, { ipv4: `10.9.0.${i}`, aliases: ["x"] })]),
    );
    return find(registryOf([container("me", endpoints), ...peers], known), "me", "x.")?.split(" ")[0];
  }

  test.each<[string, Endpoint[], Network[], string]>([
    ["by name", [endpoint("b", both), endpoint("a", both)], [], "a"],
    ["by code unit, not by locale", [endpoint("a", both), endpoint("B", both)], [], "B"],
    ["dual-stack first", [endpoint("a", { ipv4: "10.0.0.1" }), endpoint("b", both)], [], "b"],
    [
      "IPv4 and IPv6 alone are equals",
      [endpoint("b", { ipv4: "10.0.0.1" }), endpoint("a", { ipv6: "fd00::1" })],
      [],
      "a",
    ],
    ["without address last", [endpoint("a"), endpoint("b", { ipv6: "fd00::1" })], [], "b"],
    [
      "internal after the others",
      [endpoint("a", both), endpoint("b", { ipv4: "10.0.0.1" })],
      networks("internal:a", "b"),
      "b",
    ],
    [
      "priority above all",
      [endpoint("a", both), endpoint("b", { priority: 1 })],
      networks("a", "internal:b"),
      "b",
    ],
    ["negative priority last", [endpoint("a", { ...both, priority: -1 }), endpoint("b")], [], "b"],
  ])("is found in order: %s", (_, endpoints, known, expected) => {
    expect(winner(endpoints, known)).toBe(expected);
  });

  test("answers for all networks and both families: nothing is merged", () => {
    const registry = registryOf([
      container("me", [endpoint("a", both), endpoint("b", both)]),
      container("v4", [endpoint("a", { ipv4: "10.0.0.2", aliases: ["x"] })]),
      container("v6", [endpoint("b", { ipv6: "fd00::2", aliases: ["x"] })]),
    ]);
    expect(find(registry, "me", "x.")).toBe("a name 10.0.0.2");
    expect(find(registry, "me", "x.b.")).toBe("b name fd00::2");
    expect(find(registry, no, "x.")).toBe("a name 10.0.0.2");
  });

  test("is another after the network's `internal` changed", () => {
    const containers = [container("me", [endpoint("a", { ...both }), endpoint("b", { ...both })])];
    const registry = registryOf(containers, networks("a", "b"));
    expect(find(registry, "me", "me.")).toMatch(/^a /);
    const snapshot = { containers, networks: networks("internal:a", "b") };
    const applied = registry.apply({ kind: "sync", source: "test", cause: "edit", snapshot });
    expect([...applied.touched]).toEqual(["test/me"]);
    expect(find(registry, "me", "me.")).toMatch(/^b /);
  });
});

describe("a link", () => {
  const web = container("web", [
    endpoint("shop", { ipv4: "10.5.0.2", links: { Database: "DB", cache: "gone", peer: "alias-of-db" } }),
    endpoint("zone", { ipv4: "10.8.0.2", links: { other: "db" } }),
  ]);
  const db = container("db", [endpoint("shop", { ipv4: "10.5.0.9", aliases: ["alias-of-db"] })]);
  const cache = container("cache", [endpoint("shop", { ipv4: "10.5.0.8" })]);
  const named = container("database", [endpoint("shop", { ipv4: "10.5.0.7" })]);
  const registry = registryOf([web, db, cache, named]);

  test.each<[string | undefined, string, string | undefined]>([
    ["web", "database.", "shop link 10.5.0.9"],
    ["web", "DATABASE.Shop.", "shop link 10.5.0.9"],
    ["web", "database.zone.", no],
    ["web", "peer.", "shop link 10.5.0.9"],
    ["web", "other.", no],
    ["web", "cache.", no],
    ["db", "database.", "shop name 10.5.0.7"],
    ["db", "cache.", "shop name 10.5.0.8"],
    ["db", "peer.", no],
    [no, "database.", "shop name 10.5.0.7"],
    [no, "peer.", no],
  ])("from %s for %s gives %s", (sandbox, qname, expected) => {
    expect(find(registry, sandbox, qname)).toBe(expected);
  });

  test("starts to resolve when its target appears", () => {
    const one = registryOf([web]);
    expect(find(one, "web", "database.")).toBe(no);
    put(one, db);
    expect(find(one, "web", "database.")).toBe("shop link 10.5.0.9");
  });

  test("goes before the names of every network, candidate by candidate", () => {
    const me = container("me", [
      endpoint("a", { ipv4: "10.0.0.1" }),
      endpoint("b", { ipv4: "10.1.0.1", links: { x: "target" } }),
    ]);
    const one = registryOf([
      me,
      container("x", [endpoint("a", { ipv4: "10.0.0.2" })]),
      container("target", [endpoint("b", { ipv4: "10.1.0.2" })]),
    ]);
    expect(find(one, "me", "x.")).toBe("b link 10.1.0.2");
    expect(find(one, "me", "x.a.")).toBe("a name 10.0.0.2");
  });

  test("to nobody hides the name of its own network only", () => {
    const me = container("me", [
      endpoint("a", { ipv4: "10.0.0.1", links: { x: "nobody" } }),
      endpoint("b", { ipv4: "10.1.0.1" }),
    ]);
    const inA = container("in-a", [endpoint("a", { ipv4: "10.0.0.2", aliases: ["x"] })]);
    const inB = container("in-b", [endpoint("b", { ipv4: "10.1.0.2", aliases: ["x"] })]);
    expect(find(registryOf([me, inA]), "me", "x.")).toBe(no);
    expect(find(registryOf([me, inA, inB]), "me", "x.")).toBe("b name 10.1.0.2");
  });

  test("to a stopped container is known, without address", () => {
    const stopped = container("db", [endpoint("shop")]);
    expect(find(registryOf([web, stopped, named]), "web", "database.")).toBe("shop link");
  });
});

describe("a name held only by endpoints without address", () => {
  const me = container("me", [endpoint("a", { ipv4: "10.0.0.1" }), endpoint("b", { ipv4: "10.1.0.1" })]);
  const stopped = container("stopped", [endpoint("a", { aliases: ["x"] })]);

  function withPeers(...peers: Container[]): Registry {
    return registryOf([me, stopped, ...peers]);
  }

  test("is known, so that nobody else is asked for it", () => {
    for (const qname of ["stopped.", "x.", "x.a.", "stopped.a."]) {
      expect(find(withPeers(), "me", qname)).toBe("a name");
      expect(find(withPeers(), no, qname)).toBe("a name");
    }
  });

  test("is not told as one of those who bound the addresses of others", () => {
    const holders = (registry: Registry) =>
      lookup(registry.index, registry.view("test/me"), "x.")?.owners.map((owner) => owner.container);
    const peer = container("peer", [endpoint("a", { ipv4: "10.0.0.2", aliases: ["x"] })]);
    expect(holders(withPeers(peer))).toEqual(["peer"]);
    expect(holders(withPeers())).toEqual(["stopped"]);
  });

  test("gives way to a holder that has an address, in whichever network", () => {
    const peer = container("peer", [endpoint("b", { ipv4: "10.1.0.2", aliases: ["x"] })]);
    expect(find(withPeers(peer), "me", "x.")).toBe("b name 10.1.0.2");
    expect(find(withPeers(peer), "me", "x.a.")).toBe("a name");
  });

  test("gives way to a shorter name in a network of the rest", () => {
    const dotted = container("dotted", [endpoint("a", { aliases: ["y.b"] })]);
    const peer = container("peer", [endpoint("b", { ipv4: "10.1.0.2", aliases: ["y"] })]);
    expect(find(withPeers(dotted, peer), "me", "y.b.")).toBe("b name 10.1.0.2");
  });

  test("is not visible from other networks", () => {
    const elsewhere = container("elsewhere", [endpoint("c")]);
    expect(find(withPeers(elsewhere), "me", "elsewhere.")).toBe(no);
  });
});

describe("the attempts of a lookup", () => {
  const registry = registryOf([
    container("me", [
      endpoint("a", { ipv4: "10.0.0.1", links: { x: "nobody" } }),
      endpoint("b", { ipv4: "10.1.0.1" }),
    ]),
    container("stopped", [endpoint("b", { aliases: ["x"] })]),
  ]);

  function attempts(sandbox: string | undefined, qname: string): string[] {
    const tried: Attempt[] = [];
    lookup(registry.index, registry.view(sandbox), qname, (attempt) => tried.push(attempt));
    return tried.map(({ name, network = "*", in: place = "-", via = "-", outcome }) =>
      [name, network, place, via, outcome].join(" "),
    );
  }

  test("tell every candidate and every network looked in, and what was there", () => {
    expect(attempts("test/me", "x.b.")).toEqual([
      "x.b. * a name unknown",
      "x.b. * b name unknown",
      "x. b. b name known without address",
    ]);
    expect(attempts("test/me", "x.")).toEqual([
      "x. * a link link to nobody",
      "x. * a name hidden by a link",
      "x. * b name known without address",
    ]);
    expect(attempts("test/me", "me.c.")).toEqual([
      "me.c. * a name unknown",
      "me.c. * b name unknown",
      "me. c. - - no network",
    ]);
    expect(attempts(no, "me.b.")).toEqual(["me.b. * - - no network", "me. b. b name found"]);
  });
});
