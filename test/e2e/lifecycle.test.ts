import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { missing } from "../support/requirements.ts";
import { createWorld, end, finish, type Node, type World } from "../support/world.ts";

const reason = missing("dig", "ip", "setpriv");
/** Containers; their file is read in a thread. */
const LARGE = 2000;
const SILENT = fileURLToPath(new URL("../support/silent.mjs", import.meta.url));
const BIN = fileURLToPath(new URL("../../bin/eleven", import.meta.url));

describe.skipIf(reason)(`the daemon's life${reason === undefined ? "" : ` (${reason})`}`, () => {
  let world: World;
  let web: Node;
  let eleven: Eleven | undefined;
  let config: string;

  beforeEach(() => {
    world = createWorld();
    web = world.container("web", {});
    world.write("host-resolv.conf", "nameserver 10.99.0.1\n");
    world.write("shop.yaml", shop("10.5.0.2"));
    config = `listen: [127.0.0.1:5311]
sources: [{ file: shop.yaml }]
attach: [web]
resolvConf: ${world.folder}/host-resolv.conf
`;
  });

  afterEach(async () => {
    await eleven?.stop("SIGKILL");
    await world.destroy();
  });

  function shop(address: string): string {
    return `networks: { shop: {} }
containers:
  web: { netns: ${web.netns}, networks: { shop: { ipv4: ${address}, aliases: [www] } } }
  bare: { networks: { shop: { ipv4: 10.5.0.77 } } }
`;
  }

  const large = (address: string, count = LARGE): string => {
    const containers = Array.from(
      { length: count },
      (_, n) =>
        `  web-${n}: { networks: { shop: { ipv4: 10.${6 + (n >> 16)}.${(n >> 8) & 255}.${n & 255} } } }\n`,
    );
    const last = `  last: { networks: { shop: { ipv4: ${address} } } }\n`;
    return `networks: { shop: {} }\ncontainers:\n${containers.join("")}${last}`;
  };

  const dig = async (from: Node, ...args: string[]) =>
    (await from.run("dig", ["+short", "+tries=1", "+timeout=2", ...args])).stdout.trim();

  /** A program that holds port 53 of this address and never answers. */
  async function silent(node: Node, address: string): Promise<ChildProcess> {
    const child = node.start(process.execPath, [SILENT, address]);
    await new Promise((resolve) => child.stdout?.once("data", resolve));
    return child;
  }

  /** A daemon that is expected to end by itself. */
  const serve = (...args: string[]) => finish(world.host.start(process.execPath, [BIN, "serve", ...args]));

  test("SIGTERM ends it with status 0 and hands 127.0.0.11 and the socket back", async () => {
    eleven = await startEleven(world, config);
    expect(await dig(web, "@127.0.0.11", "www")).toBe("10.5.0.2");
    expect(await eleven.stop("SIGTERM")).toBe(0);
    expect(existsSync(eleven.socket)).toBe(false);
    expect((await web.run("ss", ["-Hlntu"])).stdout).toBe("");
    expect(eleven.log()).not.toMatch(/warning/i);
  });

  test("SIGTERM answers what is in flight within two seconds", async () => {
    world.bridge("up0", "10.99.0.254/24");
    await silent(world.container("silent", { up0: ["10.99.0.1/24"] }), "10.99.0.1");
    eleven = await startEleven(world, config);
    const asked = web.run("dig", ["@127.0.0.11", "+tries=1", "+timeout=5", "www.example"]);
    while ((await world.host.run("ss", ["-Hnu", "dst", "10.99.0.1"])).stdout === "") {}
    const begin = performance.now();
    expect(await eleven.stop("SIGTERM")).toBe(0);
    expect(performance.now() - begin).toBeLessThan(2000);
    expect((await asked).stdout).toContain("status: SERVFAIL");
  });

  test("kill -9 and a new start: the stale socket is replaced and names are answered again", async () => {
    eleven = await startEleven(world, config);
    await eleven.stop("SIGKILL");
    expect(existsSync(eleven.socket)).toBe(true);
    eleven = await startEleven(world, config);
    expect(await dig(web, "@127.0.0.11", "www")).toBe("10.5.0.2");
  });

  test("a second daemon on the same socket is refused with who holds it", async () => {
    eleven = await startEleven(world, config);
    const second = await serve("--config", join(world.folder, "eleven.yaml"));
    expect(second.status).toBe(2);
    const { pid } = await eleven.status();
    expect(second.stderr).toContain(`pid ${pid}`);
    expect(second.stderr).toContain("remedy:");
    expect(second.stderr).not.toContain("    at ");
    expect(await dig(web, "@127.0.0.11", "www")).toBe("10.5.0.2");
  });

  test("a file that is not a socket is left alone", async () => {
    const path = world.write("not-a-socket", "precious");
    const ran = await serve("--socket", path);
    expect(ran.status).toBe(2);
    expect(ran.stderr).toContain("not a socket");
    expect(statSync(path).size).toBe("precious".length);
  });

  test("a configuration error is told with file, line and key, and status 2", async () => {
    const path = world.write("bad.yaml", "listn: [127.0.0.1:5311]\nttl: soon\n");
    const ran = await serve("--config", path);
    expect(ran.status).toBe(2);
    expect(ran.stderr).toMatch(/bad\.yaml:1:\d+: .*listn.*listen/);
    expect(ran.stderr).toMatch(/bad\.yaml:2:\d+: .*ttl/);
  });

  test("the lines to try are right for a port that the system chose, and for another socket", async () => {
    const socket = join(world.folder, "other.sock");
    const path = world.write("free.yaml", config.replace("127.0.0.1:5311", '"127.0.0.1:0"'));
    const child = world.host.start(process.execPath, [BIN, "serve", "--config", path, "--socket", socket]);
    let told = "";
    for await (const chunk of child.stdout!) {
      told += chunk;
      if (told.includes("query")) break;
    }
    const [, port] = /listening\s+127\.0\.0\.1:(\d+)/.exec(told) ?? [];
    expect(told).toContain(`dig @127.0.0.1 -p ${port} `);
    expect(told).toMatch(new RegExp(`eleven query \\S+ --from web --socket ${socket}$`, "m"));
    await end(child, "SIGTERM");
  });

  test("a taken port is told with what to do", async () => {
    eleven = await startEleven(world, config);
    const second = await serve(
      "--config",
      join(world.folder, "eleven.yaml"),
      "--socket",
      join(world.folder, "b.sock"),
    );
    expect(second.status).toBe(2);
    expect(second.stderr).toContain("127.0.0.1:5311");
    expect(second.stderr).toContain("another program listens there");
  });

  test("SIGHUP puts an edited configuration in force, and refuses a broken one", async () => {
    eleven = await startEleven(world, config);
    const path = join(world.folder, "eleven.yaml");
    writeFileSync(path, `socket: ${eleven.socket}\n${config}ttl: 77\n`);
    eleven.process.kill("SIGHUP");
    const ttl = async () => (await eleven?.query("www"))?.answers[0]?.ttl;
    while ((await ttl()) !== 77) {}
    writeFileSync(path, "ttl: -1\n");
    eleven.process.kill("SIGHUP");
    while (!eleven.log().includes("reload refused")) await eleven.status();
    expect(await ttl()).toBe(77);
    expect(await dig(web, "@127.0.0.11", "www")).toBe("10.5.0.2");
  });

  test("a large file source is served, and followed", async () => {
    world.write("shop.yaml", large("10.7.0.1"));
    eleven = await startEleven(world, config.replace("attach: [web]", "attach: none"));
    const last = async () => (await eleven?.query("last"))?.answers[0]?.data;
    expect(await last()).toBe("10.7.0.1");
    expect((await eleven.query(`web-${LARGE - 1}`)).answers).toHaveLength(1);
    world.write("shop.yaml", large("10.7.0.2"));
    await expect.poll(last, { timeout: 10_000 }).toBe("10.7.0.2");
    expect(eleven.log()).toContain("reading shop.yaml");
  });

  test("a file for which there is no memory is refused, and the last good one keeps serving", async () => {
    eleven = await startEleven(world, config, { NODE_OPTIONS: "--max-old-space-size=64" });
    world.write("shop.yaml", large("10.7.0.1", 20 * LARGE));
    await expect
      .poll(async () => (await eleven?.status())?.sources[0]?.state, { timeout: 20_000 })
      .toBe("refused");
    expect((await eleven.status()).sources[0]?.error).toMatch(/Cannot read ".*shop\.yaml": .*memory/);
    expect(await dig(web, "@127.0.0.11", "www")).toBe("10.5.0.2");
  });

  test("a source that a reload brings keeps no outside name from upstreams while it is read", async () => {
    eleven = await startEleven(world, config.replace("attach: [web]", "attach: none\nupstreams: []"));
    world.write("large.yaml", `${large("10.7.0.1", 5 * LARGE)}  last: again\n`);
    const sources = "sources: [{ file: shop.yaml }, { file: large.yaml }]";
    const path = join(world.folder, "eleven.yaml");
    const loaded = config.replace(/sources:.*/, sources).replace("attach: [web]", "attach: none");
    writeFileSync(path, `socket: ${eleven.socket}\n${loaded}upstreams: []\n`);
    eleven.process.kill("SIGHUP");
    const seen = new Set<string>();
    while (!eleven.log().includes("reload refused")) {
      const { ede } = await eleven.query("nobody.example");
      for (const { code } of ede) seen.add(String(code));
    }
    // That there is nobody to ask (22, and 13 when it is told again), and never that something is not read yet.
    expect([...seen].sort()).toEqual(["13", "22"]);
  });

  test("SIGTERM ends it at once while it reads a large file for the first time", async () => {
    for (const file of ["shop.yaml", "next.yaml"]) world.write(file, large("10.7.0.1", 20 * LARGE));
    const socket = join(world.folder, "eleven.sock");
    const both = config.replace(/sources:.*/, "sources: [{ file: shop.yaml }, { file: next.yaml }]");
    const path = world.write("eleven.yaml", `socket: ${socket}\n${both}`);
    const child = world.host.start(process.execPath, [BIN, "serve", "--config", path]);
    let said = "";
    child.stderr?.on("data", (chunk) => {
      said += String(chunk);
    });
    await expect.poll(() => said, { timeout: 10_000 }).toContain("reading shop.yaml");
    const begin = performance.now();
    const { status } = await new Promise<{ status: number | null }>((resolve) => {
      child.once("exit", (code) => resolve({ status: code }));
      child.kill("SIGTERM");
    });
    process.stdout.write(`ended while reading after ${Math.round(performance.now() - begin)} ms\n`);
    expect([status, existsSync(socket)]).toEqual([0, false]);
    expect(said).not.toMatch(/Warning|"shop.yaml read"|next.yaml/);
  });

  test("without root it says that it can't attach, and serves plain listeners", async () => {
    const path = world.write("eleven.yaml", `socket: ${world.folder}/u/eleven.sock\n${config}`);
    await finish(spawn("chmod", ["-R", "a+rwX", world.folder]));
    const unprivileged = ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, BIN];
    const child = world.host.start("setpriv", [...unprivileged, "serve", "--config", path]);
    const socket = join(world.folder, "u", "eleven.sock");
    const ran = await world.host.run(process.execPath, [
      BIN,
      "status",
      "--wait",
      "10",
      "--json",
      "--socket",
      socket,
    ]);
    const status = JSON.parse(ran.stdout);
    expect(status.attached).toEqual([]);
    expect(status.attachments[0]).toMatchObject({ container: "web", state: "failed" });
    expect(status.attachments[0].reason).toMatch(/root|CAP_SYS_ADMIN/);
    expect(await dig(world.host, "@127.0.0.1", "-p", "5311", "www")).toBe("10.5.0.2");
    expect(await end(child, "SIGTERM")).toBe(0);
  });

  test("somebody else on 127.0.0.11:53 of a container is told, and followed when it goes", async () => {
    const holder = await silent(web, "127.0.0.11");
    eleven = await startEleven(world, config);
    const [attachment] = (await eleven.status()).attachments;
    expect(attachment).toMatchObject({ container: "web", state: "failed" });
    expect(attachment?.reason).toContain("127.0.0.11:53");
    await end(holder);
    while ((await eleven.status()).attached.length === 0) {}
    expect(await dig(web, "@127.0.0.11", "www")).toBe("10.5.0.2");
  });

  test("attach and detach at run time, with a reason where it is impossible", async () => {
    eleven = await startEleven(world, config.replace("attach: [web]", "attach: none"));
    expect((await eleven.status()).attached).toEqual([]);
    expect((await eleven.json("attach", "web")).value).toEqual({ done: ["web"], failed: [] });
    expect(await dig(web, "@127.0.0.11", "www")).toBe("10.5.0.2");
    const refused = await eleven.json<{ failed: { container: string; reason: string }[] }>(
      "attach",
      "bare",
      "ghost",
    );
    expect(refused.status).toBe(1);
    expect(refused.value.failed.map(({ container }) => container)).toEqual(["bare", "ghost"]);
    expect(refused.value.failed[0]?.reason).toContain("netns");
    expect((await eleven.json("detach", "web")).status).toBe(0);
    expect((await eleven.status()).attached).toEqual([]);
    expect((await web.run("ss", ["-Hlntu"])).stdout).toBe("");
  });

  test("commands say so when no daemon can be reached, with status 3", async () => {
    const ran = await world.host.run(process.execPath, [
      BIN,
      "status",
      "--socket",
      join(world.folder, "none.sock"),
    ]);
    expect(ran.status).toBe(3);
    expect(ran.stderr).toContain("none.sock");
    expect(ran.stderr).toContain("remedy:");
  });

  test("a program that is not eleven on the control socket is told from a stale one", async () => {
    const path = join(world.folder, "foreign.sock");
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once("listening", resolve));
    const ran = await serve("--socket", path);
    expect(ran.status).toBe(2);
    expect(ran.stderr).toContain("other than eleven");
    server.close();
  });
});
