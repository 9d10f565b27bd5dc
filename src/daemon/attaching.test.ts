import { describe, expect, test } from "vitest";
import { readConfig } from "../config/load.ts";
import { container, endpoint, put, registryOf } from "../registry/fixture.suite.ts";
import type { Container } from "../registry/model.ts";
import type { Attachments } from "../sandbox/attachments.ts";
import { attaching } from "./attaching.ts";
import { MOST_WAITING } from "./said-by-hand.ts";

/** Attachments that attach whatever is wanted, at once. */
function willing(): Attachments {
  let wanted: Parameters<Attachments["reconcile"]>[0] = new Map();
  return {
    reconcile: (now) => {
      wanted = now;
    },
    expect: () => undefined,
    recheck: () => undefined,
    settled: async () => undefined,
    status: () =>
      Array.from(wanted, ([sandbox, { name }]) => ({ sandbox, name, state: "attached" as const, since: "" })),
    close: async () => undefined,
  };
}

function one(name: string, rest: Partial<Container>): Container {
  return container(name, [endpoint("shop")], rest);
}

function world(yaml: string, ...containers: Container[]) {
  const config = readConfig(yaml, "eleven.yaml");
  return attaching({
    config: () => config,
    registry: registryOf(containers),
    attachments: willing(),
    netnsDirectories: () => [],
  });
}

describe("a container without a namespace", () => {
  test.each([
    ["stopped", "waiting", "it does not run", "start it: it is attached then"],
    ["host", "failed", "it has the host's network", "`eleven resolved`"],
    ["unseen", "failed", "is not seen from here", "on the engine's machine"],
    [undefined, "failed", "no netns", "`netns:` in the file source"],
  ] as const)("that is %s is %s, and says what to do", async (netnsMissing, state, reason, remedy) => {
    const { attach, reports } = world("attach: [x]", one("x", netnsMissing ? { netnsMissing } : {}));
    const why = { reason: expect.stringContaining(reason), remedy: expect.stringContaining(remedy) };
    expect(reports()).toMatchObject([{ container: "x", state, ...why }]);
    expect(await attach(["x"])).toEqual({ done: [], failed: [{ container: "x", ...why }] });
  });
});

describe("containers in one namespace", () => {
  const web = one("web", { netns: "/proc/7/ns/net" });
  const guest = one("guest", { netns: "/proc/8/ns/net", shares: web.key });
  const other = one("other", { netns: "/proc/9/ns/net" });

  test("are attached in the name of whose it is", () => {
    const attachments = willing();
    const { reconcile } = attaching({
      config: () => readConfig("attach: all", "eleven.yaml"),
      registry: registryOf([guest, other, web]),
      attachments,
      netnsDirectories: () => [],
    });
    reconcile();
    expect(attachments.status().map(({ name }) => name)).toEqual(["other", "web", "guest"]);
  });

  test("are handed back together, or not at all", () => {
    const { detach, reconcile, reports } = world("attach: all", web, guest, other);
    reconcile();
    const kept = {
      reason: "shares the network namespace of web, which is attached",
      remedy: "hand that back, too: `eleven detach web`",
    };
    expect(detach(["guest"])).toEqual({ done: [], failed: [{ container: "guest", ...kept }] });
    expect(reports()).toContainEqual(expect.objectContaining({ container: "guest", ...kept }));
    expect(detach(["web"])).toEqual({ done: ["web"], failed: [] });
    expect(reports()).toContainEqual(
      expect.objectContaining({ container: "guest", state: "detached", reason: "handed back by hand" }),
    );
    expect(reports()).toContainEqual(expect.objectContaining({ container: "other", state: "attached" }));
  });

  test("can be named in one command", () => {
    const { detach, reconcile } = world("attach: all", web, guest);
    reconcile();
    expect(detach(["web", "guest"])).toEqual({ done: ["web", "guest"], failed: [] });
  });
});

describe("a container that is not there", () => {
  test.each(["attach: [gone]", "attach: none"])(
    "is handed back before it comes, if somebody named it (%s)",
    async (yaml) => {
      const config = readConfig(yaml, "eleven.yaml");
      const registry = registryOf([one("gone", { netns: "/proc/7/ns/net" })]);
      const { attach, detach, reconcile, reports } = attaching({
        config: () => config,
        registry,
        attachments: willing(),
        netnsDirectories: () => [],
      });
      await attach(["gone"]);
      registry.apply({ kind: "remove", source: "test", cause: "c", key: "test/gone" });
      reconcile();
      expect(reports()).toMatchObject([{ container: "gone", state: "waiting" }]);
      expect(detach(["gone"])).toEqual({ done: ["gone"], failed: [] });
      expect(reports()).toEqual([]);
      put(registry, one("gone", { netns: "/proc/8/ns/net" }));
      reconcile();
      expect(reports()).toMatchObject([{ container: "gone", state: "detached" }]);
    },
  );

  test("and that nobody named is no container", async () => {
    const { attach, detach } = world("attach: all");
    const failed = [
      expect.objectContaining({ container: "ghost", reason: "no source knows such a container" }),
    ];
    expect(await attach(["ghost"])).toEqual({ done: [], failed });
    expect(detach(["ghost"])).toEqual({ done: [], failed });
  });
});

describe("a namespace that appears", () => {
  test.each([
    ["all", ["/run/docker/netns"]],
    ["[web]", []],
    ["none", []],
  ])("is taken with `attach: %s` only, and only where a source tells soon whose it is", (attach, taken) => {
    // Somebody's own file may name a namespace of Docker's, and tell of the next in his own time.
    const web = one("web", { netns: "/elsewhere/netns/0123456789ab" });
    const config = readConfig(`attach: ${attach}`, "eleven.yaml");
    const expected: string[][] = [];
    const { reconcile } = attaching({
      config: () => config,
      registry: registryOf([web]),
      attachments: { ...willing(), expect: (directories) => void expected.push([...directories]) },
      netnsDirectories: () => ["/run/docker/netns"],
    });
    reconcile();
    expect(expected).toEqual([taken]);
  });
});

/** What was said by hand, while containers come, go and are renamed. */
function changing(yaml: string, ...names: string[]) {
  const registry = registryOf([]);
  const attachments = willing();
  const config = readConfig(yaml, "eleven.yaml");
  const all = attaching({ config: () => config, registry, attachments, netnsDirectories: () => [] });
  registry.onChange(all.reconcile);
  /** A container of this key is called so from now on. */
  const call = (key: string, name: string) =>
    put(registry, one(name, { key: `test/${key}`, netns: `/run/netns/${key}` }));
  const remove = (key: string) =>
    registry.apply({ kind: "remove", source: "test", cause: "c", key: `test/${key}` });
  const rows = () => all.reports().map(({ container, state }) => `${container} ${state}`);
  for (const name of names) call(name, name);
  return { ...all, registry, call, remove, rows };
}

describe("what was said by hand", () => {
  test.each([
    ["attach: all", "detach", ["bb attached", "aa detached"]],
    ["attach: none", "attach", ["aa attached"]],
  ] as const)(
    "stays with its container when two swap their names and swap back (%s)",
    async (yaml, say, rows) => {
      const { call, rows: now, ...all } = changing(yaml, "aa", "bb");
      await all[say](["aa"]);
      expect(now()).toEqual(rows);
      call("aa", "t1");
      call("bb", "aa");
      call("aa", "bb");
      // It is the first one's still, whatever that is called.
      expect(now()).toEqual(
        rows.map((row) => (row.startsWith("aa") ? row.replace("aa", "bb") : row.replace("bb", "aa"))),
      );
      call("bb", "t1");
      call("aa", "aa");
      call("bb", "bb");
      expect(now()).toEqual(rows);
    },
  );

  test("last is what holds, also when the container gets its former name back", async () => {
    const { call, rows, attach, detach } = changing("attach: [aa]", "h1");
    await attach(["h1"]);
    call("h1", "h1x");
    expect(rows()).toEqual(["h1x attached", "aa waiting"]);
    detach(["h1x"]);
    expect(rows()).toEqual(["h1x detached", "aa waiting"]);
    call("h1", "h1");
    expect(rows()).toEqual(["h1 detached", "aa waiting"]);
  });

  test("goes to the one made anew, as compose does it: under another name, until the old one is gone", () => {
    const { call, remove, rows, detach } = changing("attach: all", "web");
    detach(["web"]);
    call("new", "0123456789ab_web");
    remove("web");
    expect(rows()).toEqual(["0123456789ab_web attached"]);
    call("new", "web");
    expect(rows()).toEqual(["web detached"]);
  });

  test("goes to the one made anew, also when that is told before the old one's end is", () => {
    const { call, remove, rows, detach } = changing("attach: all", "web");
    detach(["web"]);
    call("new", "web");
    remove("web");
    expect(rows()).toEqual(["web detached"]);
  });

  test("of a container that was renamed goes to the one made anew under either name, and to one only", async () => {
    const { call, remove, rows, attach } = changing("attach: none", "web");
    await attach(["web"]);
    call("web", "old");
    remove("web");
    expect(rows()).toEqual(["web waiting", "old waiting"]);
    call("new", "old");
    expect(rows()).toEqual(["old attached"]);
    call("other", "web");
    expect(rows()).toEqual(["old attached"]);
  });

  test("leaves no second name behind where the new one came before the old one went", async () => {
    const { call, remove, rows, attach } = changing("attach: none", "web");
    await attach(["web"]);
    call("web", "0123456789ab_web");
    call("new", "web");
    remove("web");
    expect(rows()).toEqual(["web attached"]);
  });

  test("is forgotten of all but the latest names whose container is gone", async () => {
    const names = Array.from({ length: MOST_WAITING + 2 }, (_, index) => `job-${index}`);
    const { call, remove, rows, attach } = changing("attach: none", "web", ...names);
    await attach(["web", ...names]);
    for (const name of names) remove(name);
    expect(rows()).toEqual(["web attached", ...names.slice(2).map((name) => `${name} waiting`)]);
    for (const name of ["job-0", "job-2"]) call(name, name);
    expect(rows().filter((row) => row.endsWith("attached"))).toEqual(["web attached", "job-2 attached"]);
  });

  test("goes back with the one that was made anew in vain", async () => {
    const { call, remove, rows, attach } = changing("attach: none", "aa");
    await attach(["aa"]);
    call("aa", "aa_old");
    call("new", "aa");
    remove("new");
    call("aa", "aa");
    remove("aa");
    expect(rows()).toEqual(["aa waiting"]);
    call("third", "aa");
    expect(rows()).toEqual(["aa attached"]);
  });

  test("does not stay with a name that its container had for a while", async () => {
    const { call, remove, rows, attach } = changing("attach: none", "aa");
    await attach(["aa"]);
    call("aa", "tmp");
    call("aa", "aa");
    remove("aa");
    expect(rows()).toEqual(["aa waiting"]);
  });

  test("of a container that is gone does not go to one of another source", async () => {
    const { call, remove, registry, rows, attach } = changing("attach: none", "aa");
    await attach(["aa"]);
    remove("aa");
    put(registry, one("aa", { key: "file/aa", netns: "/run/netns/file-aa" }), "file");
    expect(rows()).toEqual([]);
    call("new", "aa");
    expect(rows()).toEqual(["aa attached"]);
  });

  test("stays with a container of which another source tells after a reload", () => {
    const { registry, rows, detach } = changing("attach: all");
    const id = "a".repeat(64);
    put(registry, one("web", { key: `docker:x/${id}`, id, netns: "/proc/7/ns/net" }), "docker:x");
    detach(["web"]);
    put(registry, one("web", { key: `docker:y/${id}`, id, netns: "/proc/7/ns/net" }), "docker:y");
    registry.forget("docker:x", "c");
    expect(rows()).toEqual(["web detached"]);
  });

  test("is of the one container that was meant where two sources have one of that name", () => {
    const { call, rows, reports, registry, remove, detach } = changing("attach: all", "bb");
    put(registry, one("bb", { key: "file/bb", netns: "/run/netns/file-bb" }), "file");
    expect(detach(["file/bb"])).toEqual({ done: ["bb"], failed: [] });
    expect(reports()).toMatchObject([
      { container: "bb", sandbox: "test/bb", state: "attached" },
      { container: "bb", sandbox: "file/bb", state: "detached" },
    ]);
    // Nor does it go to the other one when its own is gone, or to that one made anew.
    registry.apply({ kind: "remove", source: "file", cause: "c", key: "file/bb" });
    expect(rows()).toEqual(["bb attached"]);
    put(registry, one("bb", { key: "file/bb", netns: "/run/netns/file-bb" }), "file");
    remove("bb");
    call("new", "bb");
    expect(rows()).toEqual(["bb attached", "bb detached"]);
  });
});

describe("with `attach: all`", () => {
  test.each([
    ["host", []],
    ["unseen", ["x failed"]],
    ["stopped", []],
    [undefined, []],
  ] as const)("a container whose namespace is %s has the rows %j", (netnsMissing, rows) => {
    const { reports } = world("attach: all", one("x", netnsMissing ? { netnsMissing } : {}));
    expect(reports().map(({ container, state }) => `${container} ${state}`)).toEqual(rows);
  });
});

test("a container that is renamed stays what it was said to be, and so does its old name", async () => {
  const web = one("web", { netns: "/proc/7/ns/net" });
  const registry = registryOf([web]);
  const attachments = willing();
  const { attach, detach, reconcile } = attaching({
    config: () => readConfig("attach: none", "eleven.yaml"),
    registry,
    attachments,
    netnsDirectories: () => [],
  });
  registry.onChange(reconcile);
  const attached = () => attachments.status().map(({ name }) => name);
  await attach(["web"]);
  // As compose makes one anew: the old one goes under another name until the new one is there.
  put(registry, { ...web, name: "old" });
  expect(attached()).toEqual(["old"]);
  put(registry, { ...web, key: "test/other", name: "web", netns: "/proc/8/ns/net" });
  expect(attached()).toEqual(["old", "web"]);
  expect(detach(["old"])).toEqual({ done: ["old"], failed: [] });
  expect(attached()).toEqual(["web"]);
});
