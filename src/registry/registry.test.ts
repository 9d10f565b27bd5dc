import { describe, expect, test } from "vitest";
import { container, endpoint, networks, put, registryOf, stillClock, sync } from "./fixture.suite.ts";
import type { Container, HistoryEntry, Network } from "./model.ts";
import { createRegistry, type Registry } from "./registry.ts";

const web = container("web", [endpoint("shop", { ipv4: "10.5.0.2", aliases: ["www"] })]);
const db = container("db", [endpoint("shop", { ipv4: "10.5.0.3" })], { id: "0123456789abcdef" });

function rows(registry: Registry, filter: Parameters<Registry["records"]>[0] = {}): string[] {
  return registry
    .records(filter)
    .map(({ network, name, kind, container, addresses }) =>
      [network, name, kind, container, ...addresses].join(" "),
    );
}

function events(entries: readonly HistoryEntry[]): string[] {
  return entries.map(({ revision, action, name, address, container }) =>
    [revision, action, name, address, container].join(" "),
  );
}

describe("the revision", () => {
  test("counts changes that tell something new, and no others", () => {
    const registry = createRegistry({ clock: stillClock(), host: "h" });
    const snapshot = (...containers: Container[]) => ({ containers, networks: networks("shop") });
    const step = (...containers: Container[]) =>
      registry.apply({ kind: "sync", source: "test", cause: "c", snapshot: snapshot(...containers) });
    expect(registry.revision).toBe(0);
    expect(step(web)).toEqual({ revision: 1, changed: true, touched: new Set(["test/web"]) });
    expect(step(structuredClone(web))).toEqual({ revision: 1, changed: false, touched: new Set() });
    expect(step(web, db)).toEqual({ revision: 2, changed: true, touched: new Set(["test/db"]) });
    expect(put(registry, { ...db, netns: "/run/netns/db" })).toMatchObject({ revision: 3, changed: true });
    expect(registry.apply({ kind: "remove", source: "test", cause: "c", key: "test/x" })).toMatchObject({
      revision: 3,
    });
    expect(registry.apply({ kind: "remove", source: "test", cause: "c", key: "test/db" })).toMatchObject({
      revision: 4,
    });
    expect(step()).toEqual({ revision: 5, changed: true, touched: new Set(["test/web"]) });
    expect(registry.revision).toBe(5);
  });

  test("does not count the first sync of a source that has nothing and that nobody awaits", () => {
    expect(registryOf([]).revision).toBe(0);
  });

  test("counts a network that comes, goes or changes", () => {
    const registry = registryOf([], networks("a"));
    expect(registry.revision).toBe(1);
    expect(sync(registry, [], networks("a")).changed).toBe(false);
    expect(sync(registry, [], networks("internal:a")).revision).toBe(2);
    expect(sync(registry, [], []).revision).toBe(3);
    expect(registry.network("a")).toBeUndefined();
  });

  test("is told to listeners with the sandboxes touched, until they leave", () => {
    const registry = registryOf([web]);
    const heard: [number, string[]][] = [];
    const stop = registry.onChange(({ revision, touched }) => heard.push([revision, [...touched]]));
    put(registry, db);
    put(registry, db);
    stop();
    put(registry, { ...db, hostname: "x" });
    expect(heard).toEqual([[2, ["test/db"]]]);
  });

  test("tells listeners the names and the addresses whose answers may be others", () => {
    const registry = registryOf([web]);
    const heard: string[][] = [];
    registry.onChange(({ names, addresses }) => heard.push([...names, ...addresses].sort()));
    const linked = { ...web, endpoints: [endpoint("shop", { ipv4: "10.5.0.2", links: { base: "db" } })] };
    put(registry, linked);
    // A name without an address: the link that stands for it is another one now, and again when it is gone.
    put(registry, container("db", [endpoint("shop")]));
    registry.apply({ kind: "remove", source: "test", cause: "test", key: "test/db" });
    expect(heard[0]).toEqual(expect.arrayContaining(["10.5.0.2", "base."]));
    expect(heard.slice(1)).toEqual([
      ["base.", "db."],
      ["base.", "db."],
    ]);
  });

  test("is whole when a listener is called", () => {
    const registry = registryOf([web]);
    let seen: unknown;
    registry.onChange(({ revision }) => {
      seen = [revision, registry.revision, rows(registry, { name: "db" }), registry.history("db").length];
    });
    put(registry, db);
    expect(seen).toEqual([2, 2, ["shop db container-name db 10.5.0.3"], 1]);
  });
});

describe("readiness", () => {
  test("waits for the first sync of every announced source", () => {
    const registry = createRegistry({ clock: stillClock(), host: "h" });
    expect(registry.ready).toBe(true);
    registry.expect("a");
    registry.expect("b");
    expect([registry.ready, registry.awaited()]).toEqual([false, ["a", "b"]]);
    sync(registry, [], [], "a");
    put(registry, web, "b");
    expect([registry.ready, registry.awaited()]).toEqual([false, ["b"]]);
    sync(registry, [], [], "b");
    expect([registry.ready, registry.awaited()]).toEqual([true, []]);
    registry.expect("a");
    expect(registry.ready).toBe(true);
  });

  test("is a change when it turns, since names that were in doubt are not any more", () => {
    const registry = createRegistry({ clock: stillClock(), host: "h" });
    const heard: number[] = [];
    registry.onChange(({ revision }) => heard.push(revision));
    registry.expect("a");
    registry.expect("b");
    expect(sync(registry, [], [], "a").changed).toBe(false);
    expect(sync(registry, [], [], "b")).toEqual({ revision: 2, changed: true, touched: new Set() });
    expect(heard).toEqual([1, 2]);
  });

  test("does not wait for a source that was taken out, and takes out what it told", () => {
    const registry = registryOf([web], networks("shop"));
    registry.expect("other");
    put(registry, { ...db, key: "other/db" }, "other");
    expect(registry.forget("other", "reload").touched).toEqual(new Set(["other/db"]));
    expect(registry.ready).toBe(true);
    registry.expect("other");
    expect(registry.ready).toBe(false);
    registry.forget("other", "reload");
    registry.forget("test", "reload");
    expect([registry.ready, [...registry.containers()], registry.index.size]).toEqual([true, [], 0]);
  });
});

describe("several sources", () => {
  test("each replace their own set only", () => {
    const registry = registryOf([web]);
    sync(registry, [{ ...db, key: "other/db" }], [], "other");
    sync(registry, []);
    expect([...registry.containers()].map(({ key }) => key)).toEqual(["other/db"]);
  });

  test("cannot take or remove each other's containers", () => {
    const registry = registryOf([web]);
    const theft = () => sync(registry, [db, { ...web, hostname: "mine" }], networks("x"), "other");
    expect(theft).toThrow(
      expect.objectContaining({ code: "SOURCE", message: expect.stringContaining("test/web") }),
    );
    expect(registry.apply({ kind: "remove", source: "other", cause: "c", key: "test/web" }).changed).toBe(
      false,
    );
    expect([registry.revision, registry.container("test/web"), registry.network("x")]).toEqual([
      1,
      web,
      undefined,
    ]);
    expect(rows(registry)).toHaveLength(2);
  });

  test("share the names of containers of one name", () => {
    const registry = registryOf([web]);
    sync(
      registry,
      [{ ...web, key: "other/web", endpoints: [endpoint("shop", { ipv4: "10.5.0.9" })] }],
      [],
      "other",
    );
    expect(
      registry.records({ name: "web" }).map(({ sandbox, addresses }) => [sandbox, ...addresses]),
    ).toEqual([
      ["other/web", "10.5.0.9"],
      ["test/web", "10.5.0.2"],
    ]);
  });

  test.each<[string, Network[], Network[], boolean]>([
    ["internal if both say so", networks("internal:n"), networks("internal:n"), true],
    ["not internal if one says it is not", networks("internal:n"), networks("n"), false],
    ["internal if the only one that names it says so", networks("internal:n"), [], true],
  ])("share a network of one name: %s", (_, first, second, internal) => {
    const registry = registryOf([], first);
    sync(registry, [], second, "other");
    expect(registry.network("n")).toEqual({ name: "n", internal });
    sync(registry, [], [], "other");
    expect(registry.network("n")).toEqual({ name: "n", internal: true });
  });

  test("need not declare a network that a container is attached to", () => {
    const registry = registryOf([web]);
    expect(registry.network("shop")).toEqual({ name: "shop", internal: false });
    sync(registry, []);
    expect(registry.network("shop")).toBeUndefined();
  });
});

describe("containers", () => {
  const registry = registryOf([
    web,
    db,
    { ...web, key: "test/Web", name: "Web" },
    { ...web, key: "test/api-1", name: "api", id: "aaaaaaaaaaaa1111" },
    { ...web, key: "test/api-2", name: "Api", id: "aaaaaaaaaaaa2222" },
    { ...web, key: "test/same-1", name: "same" },
    { ...web, key: "test/same-2", name: "same" },
  ]);

  test.each<[string, string | undefined]>([
    ["test/web", "test/web"],
    ["web", "test/web"],
    ["Web", "test/Web"],
    ["DB", "test/db"],
    ["0123456789abcdef", "test/db"],
    ["0123456789AB", "test/db"],
    ["012345", "test/db"],
    ["01234", undefined],
    ["aaaaaaaaaaaa1", "test/api-1"],
    ["api", "test/api-1"],
    ["nobody", undefined],
    ["", undefined],
  ])("are found by %j: %s", (text, key) => {
    expect(registry.findContainer(text)?.key).toBe(key);
  });

  test.each([
    ["same", "test/same-1, test/same-2"],
    ["API", "test/api-1, test/api-2"],
    ["WEB", "test/Web, test/web"],
    ["aaaaaaaaaaaa", "test/api-1, test/api-2"],
  ])("are not guessed where %j could be several", (text, keys) => {
    const error = { code: "NO_SUCH_CONTAINER", remedy: expect.stringContaining(keys) };
    expect(() => registry.findContainer(text)).toThrow(expect.objectContaining(error));
  });

  test("are told by their address, if it is one container's only", () => {
    const two = registryOf([
      container("a", [
        endpoint("m", { ipv4: "10.0.0.1" }),
        endpoint("n", { ipv4: "10.0.0.1", ipv6: "fd00::1" }),
      ]),
      container("b", [endpoint("m", { ipv4: "10.0.0.2" })]),
      container("c", [endpoint("n", { ipv4: "10.0.0.2" })]),
    ]);
    const owners = ["10.0.0.1", "fd00::1", "10.0.0.2", "10.0.0.3"].map(two.sandboxByAddress);
    expect(owners).toEqual(["test/a", "test/a", undefined, undefined]);
  });

  test("are told by an address that has no name, but never by that of the sandbox they share", () => {
    const endpoints = [endpoint("bridge", { ipv4: "172.17.0.2", aliases: ["x"], nameless: true })];
    const registry = registryOf([
      container("a", endpoints),
      container("sharer", endpoints, { shares: "test/a" }),
    ]);
    expect(registry.sandboxByAddress("172.17.0.2")).toBe("test/a");
    expect(registry.records()).toEqual([]);
    expect(registry.view("test/sharer")).toEqual(registry.view("test/a"));
    sync(registry, []);
    expect(registry.sandboxByAddress("172.17.0.2")).toBeUndefined();
  });
});

describe("records", () => {
  const registry = registryOf([
    container("web", [
      endpoint("shop", {
        ipv4: "10.5.0.2",
        ipv6: "fd05::2",
        aliases: ["Www"],
        links: { database: "db", gone: "x" },
      }),
      endpoint("back", { ipv4: "10.6.0.2" }),
    ]),
    db,
    container("stopped", [endpoint("shop", { aliases: ["x".repeat(64)] })]),
  ]);
  const all = [
    "back web container-name web 10.6.0.2",
    "shop 0123456789ab short-id db 10.5.0.3",
    "shop Www alias web 10.5.0.2 fd05::2",
    "shop database link web 10.5.0.3",
    "shop db container-name db 10.5.0.3",
    "shop gone link web",
    "shop stopped container-name stopped",
    "shop web container-name web 10.5.0.2 fd05::2",
    `shop ${"x".repeat(64)} alias stopped`,
  ];

  test("are one a name, network and container, by network and name", () => {
    expect(rows(registry)).toEqual(all);
  });

  test.each<[Parameters<Registry["records"]>[0], number[]]>([
    [{ name: "WWW" }, [2]],
    [{ name: "www.shop." }, [2]],
    [{ name: "www." }, [2]],
    [{ name: "web" }, [0, 7]],
    [{ name: "web.back" }, [0]],
    [{ name: "nobody" }, []],
    [{ network: "SHOP", container: "web" }, [2, 3, 5, 7]],
    [{ container: "test/db" }, [1, 4]],
    [{ name: "database", network: undefined }, [3]],
    [{ name: "x".repeat(64) }, [8]],
  ])("can be picked: %j", (filter, expected) => {
    expect(rows(registry, filter)).toEqual(expected.map((at) => all[at]));
  });

  test("say who put them there, where and when", () => {
    expect(registry.records({ name: "db" })).toEqual([
      {
        network: "shop",
        name: "db",
        kind: "container-name",
        addresses: ["10.5.0.3"],
        container: "db",
        sandbox: "test/db",
        source: "test",
        host: "host-a",
        since: "2026-01-01T00:00:00.000Z",
        revision: 1,
        verified: true,
      },
    ]);
  });

  test("of a source that can't be asked are not verified until it has synced again, and that is no change", () => {
    const two = registryOf([db]);
    sync(two, [web], [], "other");
    const { revision } = two;
    two.doubt("test", "2026-01-01T00:00:05.000Z");
    put(two, { ...db, name: "database" });
    const doubted = (from: string) =>
      two
        .records()
        .filter(({ source }) => source === from)
        .map(({ verified, verifiedAt }) => `${verified} ${verifiedAt}`);
    expect(new Set(doubted("test"))).toEqual(new Set(["false 2026-01-01T00:00:05.000Z"]));
    expect(new Set(doubted("other"))).toEqual(new Set(["true undefined"]));
    expect(two.revision).toBe(revision + 1);
    sync(two, [{ ...db, name: "database" }]);
    expect(new Set(doubted("test"))).toEqual(new Set(["true undefined"]));
  });

  test("date from the oldest address that they still hold", () => {
    const clock = stillClock();
    const turning = createRegistry({ clock, host: "h" });
    const at = (ipv4?: string, ipv6?: string) => {
      clock.turn(1000);
      put(turning, container("c", [endpoint("n", { ...(ipv4 && { ipv4 }), ...(ipv6 && { ipv6 }) })]));
      const [record] = turning.records({ name: "c" });
      return `${record?.since.slice(17, 19)} ${record?.revision}`;
    };
    expect(at("10.0.0.1")).toBe("01 1");
    expect(at("10.0.0.1", "fd00::1")).toBe("01 1");
    expect(at("10.0.0.2", "fd00::1")).toBe("02 2");
    expect(at("10.0.0.2", "fd00::2")).toBe("03 3");
    expect(at()).toBe("05 5");
    expect(at("10.0.0.2")).toBe("06 6");
  });

  test("keep their date through a rename, a new alias and a repeated sync", () => {
    const registry = registryOf([web]);
    put(registry, { ...web, name: "renamed", hostname: "h" });
    sync(registry, [{ ...web, name: "renamed", hostname: "h" }]);
    const dates = registry
      .records()
      .map(({ name, revision, container }) => `${name} ${revision} ${container}`);
    expect(dates).toEqual(["h 2 renamed", "renamed 2 renamed", "www 1 renamed"]);
  });
});

describe("history", () => {
  test("tells each binding added and removed, with its cause", () => {
    const registry = registryOf([web]);
    registry.apply({ kind: "remove", source: "test", cause: "docker event: die web", key: "test/web" });
    expect(registry.history("web")).toEqual([
      {
        at: "2026-01-01T00:00:00.000Z",
        action: "added",
        network: "shop",
        name: "web",
        kind: "container-name",
        address: "10.5.0.2",
        container: "web",
        sandbox: "test/web",
        source: "test",
        cause: "test sync",
        revision: 1,
      },
      expect.objectContaining({ action: "removed", cause: "docker event: die web", revision: 2 }),
    ]);
    expect(registry.history("WWW.Shop.")).toHaveLength(2);
    expect(registry.history()).toHaveLength(4);
  });

  test("puts what is removed before what is added, and says nothing of what stays", () => {
    const registry = registryOf([web, db]);
    sync(registry, [
      container("web", [endpoint("shop", { ipv4: "10.5.0.2" })]),
      { ...db, endpoints: [endpoint("shop", { ipv4: "10.5.0.3", aliases: ["www"] })] },
    ]);
    expect(events(registry.history("www"))).toEqual([
      "1 added www 10.5.0.2 web",
      "2 removed www 10.5.0.2 web",
      "2 added www 10.5.0.3 db",
    ]);
    expect(registry.history()).toHaveLength(6);
  });

  test("tells a rename as a name that goes and one that comes (Docker leaves the old one behind)", () => {
    const registry = registryOf([web]);
    put(registry, { ...web, name: "new" });
    sync(registry, []);
    expect(events(registry.history().filter(({ kind }) => kind === "container-name"))).toEqual([
      "1 added web 10.5.0.2 web",
      "2 removed web 10.5.0.2 web",
      "2 added new 10.5.0.2 new",
      "3 removed new 10.5.0.2 new",
    ]);
    expect(registry.index.size).toBe(0);
  });

  test("tells what a link resolved to as bindings of the container that sees it", () => {
    const linking = container("linking", [endpoint("shop", { ipv4: "10.5.0.7", links: { sql: "DB" } })]);
    const registry = registryOf([linking]);
    put(registry, db);
    put(registry, { ...db, endpoints: [endpoint("shop", { ipv4: "10.5.0.4" })] });
    put(registry, { ...web, key: "test/db-2", name: "db" });
    put(registry, { ...linking, endpoints: [endpoint("shop", { ipv4: "10.5.0.7", links: { sql: "web" } })] });
    expect(events(registry.history("sql"))).toEqual([
      "2 added sql 10.5.0.3 linking",
      "3 removed sql 10.5.0.3 linking",
      "3 added sql 10.5.0.4 linking",
      "4 added sql 10.5.0.2 linking",
      "5 removed sql 10.5.0.2 linking",
      "5 removed sql 10.5.0.4 linking",
    ]);
    sync(registry, []);
    expect(registry.index.size).toBe(0);
  });

  test("is bounded: the oldest entries are forgotten", () => {
    const registry = createRegistry({ clock: stillClock(), host: "h", historyLimit: 3 });
    for (let i = 0; i < 5; i++) put(registry, container("c", [endpoint("n", { ipv4: `10.0.0.${i}` })]));
    expect(events(registry.history())).toEqual([
      "4 added c 10.0.0.3 c",
      "5 removed c 10.0.0.3 c",
      "5 added c 10.0.0.4 c",
    ]);
    const none = createRegistry({ clock: stillClock(), host: "h", historyLimit: 0 });
    put(none, web);
    expect(none.history()).toEqual([]);
  });
});
