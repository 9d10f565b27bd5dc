import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, readlinkSync, renameSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createServer as createTlsServer } from "node:tls";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { lookup } from "../../src/registry/lookup.ts";
import { createRegistry, type Registry } from "../../src/registry/registry.ts";
import type { Environment } from "../../src/sources/docker-address.ts";
import type { Source } from "../../src/sources/source.ts";
import { sourceInto } from "../support/docker-source.ts";
import { type Engine, engineMissing, startEngine, until } from "../support/engine.ts";
import { settled } from "../support/engine-records.ts";
import { type SocketProxy, socketProxy } from "../support/socket-proxy.ts";

const reason = engineMissing("openssl");
const NAME = "docker:test";

describe.skipIf(reason)(`the Docker source${reason === undefined ? "" : ` (${reason})`}`, () => {
  let engine: Engine;
  let proxy: SocketProxy;
  let registry: Registry;
  let source: Source;
  const docker = (...args: string[]) => engine.docker(...args);
  const run = (name: string, ...args: string[]) => docker("run", "--detach", "--name", name, ...args, "bb:1");

  beforeAll(async () => {
    engine = await startEngine();
    proxy = await socketProxy(join(engine.folder, "proxy.sock"), engine.socket);
    await docker("network", "create", "shop");
    await docker("network", "create", "--internal", "back");
    await docker("network", "create", "--ipv6", "--subnet", "fd00:5::/64", "six");
    registry = createRegistry({ clock: systemClock, host: "h" });
    registry.expect(NAME);
    source = newSource(`unix://${proxy.path}`);
    await source.start();
  });

  afterEach(async () => {
    const all = await docker("ps", "--all", "--quiet");
    if (all !== "") await docker("rm", "--force", ...all.split("\n"));
    await settled(registry, engine);
  });

  afterAll(async () => {
    await source?.stop();
    await proxy?.close();
    await engine?.destroy();
  });

  function newSource(url: string, name = NAME, into = registry, env: Environment = {}): Source {
    return sourceInto(into, { url, name, env });
  }

  function addresses(name: string, network: string): string[] {
    const rows = registry.records({ network }).filter((record) => record.name === name);
    return rows.flatMap((record) => record.addresses);
  }

  const addressOf = (name: string, network: string, field = "IPAddress") =>
    docker("inspect", "--format", `{{(index .NetworkSettings.Networks "${network}").${field}}}`, name);

  const container = (name: string) => registry.findContainer(name);

  const away = () => until("the engine is away", async () => source.status().state === "away");
  const back = () => until("the engine is followed", async () => source.status().state === "synced");

  test("says who is at the other end", () => {
    expect(source.status()).toMatchObject({
      state: "synced",
      error: null,
      engine: expect.stringMatching(/^Docker \d+\.\d+\.\S+, API 1\.\d+$/),
    });
    expect(registry.ready).toBe(true);
  });

  test("has the names of a container in each of its networks, and its addresses of both families", async () => {
    const id = await run(
      "web-1",
      "--network=six",
      "--network-alias=web",
      "--network-alias=www",
      "--hostname=w.example",
    );
    await docker("network", "connect", "--alias=bweb", "back", "web-1");
    await settled(registry, engine);
    const six = [await addressOf("web-1", "six"), await addressOf("web-1", "six", "GlobalIPv6Address")];
    const kinds = registry.records({ network: "six" }).map(({ name, kind }) => `${kind} ${name}`);
    expect(kinds.sort()).toEqual(
      [
        "alias web",
        "alias www",
        "container-name web-1",
        "hostname w.example",
        `short-id ${id.slice(0, 12)}`,
      ].sort(),
    );
    for (const name of ["web-1", "web", "www", "w.example"]) expect(addresses(name, "six")).toEqual(six);
    expect(addresses("bweb", "back")).toEqual([await addressOf("web-1", "back")]);
    expect(addresses("web", "back")).toEqual([]);
    expect(registry.network("back")?.internal).toBe(true);
    expect(registry.network("six")?.internal).toBe(false);
    const pid = await engine.pidOf("web-1");
    expect(container("web-1")?.netns).toBe(`/proc/${pid}/ns/net`);
  });

  test("has compose's service name, an alias, and the links of a container", async () => {
    await run("shop_db_1", "--network=shop", "--network-alias=db");
    await run("web", "--network=shop", "--link=shop_db_1:database", "--link=shop_db_1");
    await settled(registry, engine);
    const links = registry.records({ container: "web" }).filter(({ kind }) => kind === "link");
    const address = await addressOf("shop_db_1", "shop");
    expect(links.map(({ name, addresses }) => `${name} ${addresses}`)).toEqual([
      `database ${address}`,
      `shop_db_1 ${address}`,
    ]);
  });

  test("follows connect, disconnect and rename", async () => {
    await run("one", "--network=shop", "--network-alias=svc");
    await docker("network", "connect", "--alias=other", "back", "one");
    await settled(registry, engine);
    expect(addresses("other", "back")).toHaveLength(1);
    await docker("rename", "one", "two");
    await settled(registry, engine);
    expect([addresses("one", "shop"), addresses("two", "shop").length]).toEqual([[], 1]);
    await docker("network", "disconnect", "shop", "two");
    await settled(registry, engine);
    expect(registry.records({ network: "shop" })).toEqual([]);
    await docker("network", "connect", "shop", "two");
    await settled(registry, engine);
    expect([addresses("two", "shop").length, addresses("svc", "shop")]).toEqual([1, []]);
  });

  test("keeps the names of a stopped container without its addresses, until it is removed", async () => {
    await docker("create", "--name=late", "--network=shop", "--network-alias=svc", "bb:1");
    await settled(registry, engine);
    expect(registry.records({ name: "svc" })).toMatchObject([{ addresses: [], container: "late" }]);
    await docker("start", "late");
    await settled(registry, engine);
    expect(addresses("svc", "shop")).toEqual([await addressOf("late", "shop")]);
    await docker("pause", "late");
    await settled(registry, engine);
    expect(addresses("svc", "shop")).toHaveLength(1);
    await docker("unpause", "late");
    for (const command of ["stop", "start", "restart", "kill"]) {
      await docker(command, "late");
      await settled(registry, engine);
      expect(addresses("svc", "shop")).toHaveLength(command === "start" || command === "restart" ? 1 : 0);
      // The address is there before the process is.
      const hasEnded = command === "stop" || command === "kill";
      await until(command, async () => (container("late")?.netns === undefined) === hasEnded);
    }
    await docker("rm", "late");
    await settled(registry, engine);
    expect(container("late")).toBeUndefined();
  });

  test("has no names for the predefined networks, but knows who is there", async () => {
    await run("plain");
    await run("hosted", "--network=host");
    await run("lonely", "--network=none");
    await settled(registry, engine);
    expect(registry.records()).toEqual([]);
    const address = await addressOf("plain", "bridge");
    expect(registry.sandboxByAddress(address)).toBe(container("plain")?.key);
    expect(container("plain")?.endpoints).toMatchObject([
      { network: "bridge", ipv4: address, nameless: true },
    ]);
    expect(container("hosted")).toMatchObject({ endpoints: [] });
    expect(container("hosted")?.netns).toBeUndefined();
    expect(container("lonely")?.endpoints).toMatchObject([{ network: "none", nameless: true }]);
    expect([registry.network("none")?.internal, registry.network("bridge")?.internal]).toEqual([true, false]);
    await docker("rename", "plain", "renamed");
    await docker("network", "connect", "shop", "renamed");
    await settled(registry, engine);
    expect([addresses("renamed", "shop").length, addresses("renamed", "bridge")]).toEqual([1, []]);
  });

  test("gives a container in another's sandbox that one's view, namespace and upstreams, and no names", async () => {
    await run("inner", "--network=shop", "--dns=10.9.9.9", "--dns=127.0.0.11");
    await run("sharer", "--network=container:inner", "--name=sharer");
    await run("other", "--network=shop", "--network-alias=svc");
    await settled(registry, engine);
    const [inner, sharer] = [container("inner")!, container("sharer")!];
    expect(inner.upstreams).toEqual([{ address: "10.9.9.9", port: 53 }]);
    expect(sharer).toMatchObject({ shares: inner.key, upstreams: inner.upstreams });
    expect(readlinkSync(sharer.netns!)).toBe(readlinkSync(inner.netns!));
    expect(registry.view(sharer.key)).toEqual(registry.view(inner.key));
    expect(registry.records({ container: "sharer" })).toEqual([]);
    expect(registry.sandboxByAddress(await addressOf("inner", "shop"))).toBe(inner.key);
    const match = lookup(registry.index, registry.view(sharer.key), "svc.");
    expect(match?.addresses).toEqual([await addressOf("other", "shop")]);
    await docker("network", "connect", "back", "inner");
    await until("the sharer sees the new network", async () => registry.view(sharer.key).length === 2);
    await docker("restart", "inner");
    await until("inner runs again", async () => container("inner")?.netns !== undefined);
    expect(registry.view(sharer.key)).toEqual([]);
    expect(readlinkSync(container("sharer")!.netns!)).not.toBe(readlinkSync(container("inner")!.netns!));
  });

  test("knows a network that is made, and forgets one that is removed", async () => {
    await docker("network", "create", "--internal", "new");
    await until("the network is known", async () => registry.network("new")?.internal === true);
    await docker("network", "rm", "new");
    await until("the network is forgotten", async () => registry.network("new") === undefined);
  });

  test("never has the old address of an alias that moved, once the event is there", async () => {
    const names = ["v1", "v2", "v3", "v4", "v5", "v6"];
    await run("v1", "--network=shop", "--network-alias=api");
    await settled(registry, engine);
    const waits: number[] = [];
    for (const [at, next] of names.slice(1).entries()) {
      const old = names[at]!;
      const before = await addressOf(old, "shop");
      await run(next, "--network=shop", "--network-alias=api");
      const heard = await reader(engine, `container=${old}`, "event=die");
      const removed = new Promise<number>((resolve) => {
        const unsubscribe = registry.onChange(() => {
          if (addresses("api", "shop").includes(before)) return;
          unsubscribe();
          resolve(performance.now());
        });
      });
      await docker("rm", "--force", old);
      waits.push((await removed) - (await heard.first));
      await settled(registry, engine);
      expect(addresses("api", "shop")).toEqual([await addressOf(next, "shop")]);
      const entry = registry.history("api").findLast(({ action }) => action === "removed");
      // Engine 20.10 tells of the end first, 26 and 28 of the network.
      const cause = expect.stringMatching(`^docker event: (die ${old}|network disconnect shop)$`);
      expect(entry).toMatchObject({ address: before, container: old, cause });
    }
    expect(median(waits), `${waits} ms after another reader of the events`).toBeLessThan(50);
  });

  test("has the addresses of a container before its process runs, and takes them back if it can't", async () => {
    const cause = (name: string) =>
      registry.history(name).map((entry) => `${entry.action} ${entry.cause.replace("docker event: ", "")}`);
    const options = ["--network=shop", "--network-alias=svc"];
    await docker("create", "--name=early", ...options, "bb:1");
    await docker("create", "--name=broken", ...options, "bb:1", "/no/such/file");
    await settled(registry, engine);
    await docker("start", "early");
    await settled(registry, engine);
    expect(cause("early")).toEqual(["added network connect shop"]);
    await expect(docker("start", "broken")).rejects.toThrow();
    await settled(registry, engine);
    expect(addresses("broken", "shop")).toEqual([]);
    expect(addresses("svc", "shop")).toHaveLength(1);
  });

  test("looks at everything again when the stream of events was cut", async () => {
    await run("one", "--network=shop", "--network-alias=svc");
    await settled(registry, engine);
    proxy.cut();
    await docker("rename", "one", "two");
    await settled(registry, engine);
    await back();
    expect(source.status().error).toBeNull();
  });

  test("keeps what an absent engine told, says how old it is, and learns what happened meanwhile", async () => {
    await run("stays", "--network=shop", "--network-alias=svc");
    await run("goes", "--network=shop", "--network-alias=svc");
    await settled(registry, engine);
    proxy.block();
    await away();
    const { since } = source.status();
    expect(registry.records()).toHaveLength(6);
    for (const record of registry.records())
      expect(record).toMatchObject({ verified: false, verifiedAt: since });
    expect(registry.ready).toBe(true);
    await docker("rm", "--force", "goes");
    await run("comes", "--network=shop", "--network-alias=svc");
    proxy.mend();
    await back();
    await settled(registry, engine);
    for (const record of registry.records()) expect(record.verified).toBe(true);
    expect(source.status()).not.toHaveProperty("since");
  });

  test.each(["SIGTERM", "SIGKILL"] as const)("outlives dockerd, ended by %s", async (signal) => {
    await run("stays", "--network=shop", "--network-alias=svc");
    await run("dies", "--network=shop", "--network-alias=svc");
    await settled(registry, engine);
    const dead = await addressOf("dies", "shop");
    const pid = await engine.pidOf("dies");
    await engine.kill(signal);
    await away();
    expect(addresses("svc", "shop")).toContain(dead);
    process.kill(pid, "SIGKILL");
    await until("the dead one has no address", async () => !addresses("svc", "shop").includes(dead));
    expect(registry.records({ container: "dies" })).toMatchObject([{ verified: false }, {}, {}]);
    expect(addresses("svc", "shop")).toHaveLength(1);
    expect(registry.history("svc").at(-1)?.cause).toMatch(/^dies is dead: its process \d+ has ended/);
    await engine.start();
    await back();
    await settled(registry, engine);
    expect(addresses("svc", "shop")).toHaveLength(1);
  });

  test("tells of a container that dies while dockerd hangs, and is told by it when that goes on", async () => {
    await run("stays", "--network=shop", "--network-alias=svc");
    await run("dies", "--network=shop", "--network-alias=svc");
    await settled(registry, engine);
    const dead = await addressOf("dies", "shop");
    const pid = await engine.pidOf("dies");
    process.kill(engine.pid!, "SIGSTOP");
    try {
      process.kill(pid, "SIGKILL");
      await until("the dead one has no address", async () => !addresses("svc", "shop").includes(dead));
      expect(source.status().state).toBe("synced");
      expect(addresses("svc", "shop")).toHaveLength(1);
      expect(registry.history("svc").at(-1)?.cause).toMatch(
        /^dies is dead: its process \d+ has ended and Docker/,
      );
    } finally {
      process.kill(engine.pid!, "SIGCONT");
    }
    await settled(registry, engine);
    expect(addresses("svc", "shop")).toHaveLength(1);
  });

  test("reaches an engine by TCP, and by TLS with the certificates of both sides", async () => {
    const folder = join(engine.folder, "certificates");
    certificates(folder);
    const [plain, secure] = [relay(), tlsRelay(folder)];
    for (const [server, env] of [
      [plain, {}],
      [secure, { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: folder }],
    ] as const) {
      await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
      const { port } = server.address() as AddressInfo;
      const other = createRegistry({ clock: systemClock, host: "h" });
      const far = newSource(`tcp://127.0.0.1:${port}`, "docker:far", other, env);
      await far.start();
      expect(far.status()).toMatchObject({ state: "synced", error: null });
      await far.stop();
      const stranger = newSource(`https://127.0.0.1:${port}`, "docker:no", other, {
        DOCKER_CERT_PATH: join(folder, "other"),
      });
      await stranger.start();
      expect(stranger.status()).toMatchObject({ state: "away", lastSync: null });
      await stranger.stop();
      server.close();
    }
  });

  test("waits for certificates that are gone when the engine is", async () => {
    const [folder, gone] = [join(engine.folder, "renewed"), join(engine.folder, "gone")];
    certificates(folder);
    const sockets: Socket[] = [];
    const server = tlsRelay(folder).on("connection", (socket: Socket) => sockets.push(socket));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const other = createRegistry({ clock: systemClock, host: "h" });
    const env = { DOCKER_TLS_VERIFY: "1", DOCKER_CERT_PATH: folder };
    const far = newSource(`tcp://127.0.0.1:${port}`, "docker:far", other, env);
    await far.start();
    renameSync(folder, gone);
    for (const socket of sockets) socket.destroy();
    await until("it is away", async () => far.status().error?.includes(`${folder}/ca.pem`) === true);
    expect(far.status().state).toBe("away");
    renameSync(gone, folder);
    await until("it is followed", async () => far.status().state === "synced");
    await far.stop();
    server.close();
  });

  function relay(): Server {
    return createServer((socket) => pass(socket));
  }

  function tlsRelay(folder: string): Server {
    const read = (name: string) => readFileSync(join(folder, name));
    return createTlsServer(
      { ca: read("ca.pem"), cert: read("cert.pem"), key: read("key.pem"), requestCert: true },
      (socket) => pass(socket),
    ).on("tlsClientError", () => {});
  }

  function pass(socket: Socket): void {
    const to = connect(engine.socket);
    socket.pipe(to).pipe(socket);
    socket.on("error", () => to.destroy());
    to.on("error", () => socket.destroy());
  }

  test("starts without an engine, and waits for it", async () => {
    const path = join(engine.folder, "later.sock");
    const waiting = createRegistry({ clock: systemClock, host: "h" });
    waiting.expect("docker:later");
    const later = newSource(`unix://${path}`, "docker:later", waiting);
    await later.start();
    expect(later.status()).toMatchObject({
      state: "away",
      lastSync: null,
      error: expect.stringContaining(path),
    });
    expect([waiting.ready, waiting.records()]).toEqual([false, []]);
    const way = await socketProxy(path, engine.socket);
    await until("it is there", async () => waiting.ready);
    expect(later.status().state).toBe("synced");
    await later.stop();
    await way.close();
  });
});

/** A CA, and a certificate of it for both sides of 127.0.0.1; in `other/` those of a CA that nobody knows. */
function certificates(folder: string): void {
  for (const to of [folder, join(folder, "other")]) {
    mkdirSync(to, { recursive: true });
    const openssl = (...args: string[]) => execFileSync("openssl", args, { cwd: to, stdio: "ignore" });
    const request = ["req", "-newkey", "rsa:2048", "-nodes", "-subj"];
    openssl(...request, "/CN=ca", "-x509", "-keyout", "ca-key.pem", "-out", "ca.pem");
    openssl(...request, "/CN=127.0.0.1", "-keyout", "key.pem", "-out", "request.pem");
    writeFileSync(join(to, "names.txt"), "subjectAltName=IP:127.0.0.1");
    const signed = ["-CA", "ca.pem", "-CAkey", "ca-key.pem", "-CAcreateserial", "-extfile", "names.txt"];
    openssl("x509", "-req", "-in", "request.pem", ...signed, "-out", "cert.pem");
  }
}

/** Another reader of the events: when it sees the first of a kind. Resolves when it listens. */
async function reader({ socket }: Engine, ...filters: string[]): Promise<{ first: Promise<number> }> {
  const wanted: Record<string, string[]> = {};
  for (const filter of filters) {
    const [key = "", value = ""] = filter.split("=");
    wanted[key] = [value];
  }
  const path = `/events?filters=${encodeURIComponent(JSON.stringify(wanted))}`;
  let seen: (at: number) => void = () => {};
  const first = new Promise<number>((resolve) => {
    seen = resolve;
  });
  await new Promise<void>((listening) => {
    const asked = request({ socketPath: socket, path, agent: false }, (response) => {
      listening();
      response.once("data", () => {
        seen(performance.now());
        asked.destroy();
      });
    });
    asked.on("error", () => {}).end();
  });
  return { first };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}
