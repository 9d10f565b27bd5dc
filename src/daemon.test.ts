import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { controlClient } from "./api/client.ts";
import { systemClock } from "./base/clock.ts";
import { silentLog } from "./base/log.ts";
import { readConfig } from "./config/load.ts";
import type { Config } from "./config/schema.ts";
import { type Daemon, startDaemon } from "./daemon.ts";

describe("the daemon", () => {
  let folder: string;
  let daemon: Daemon | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "eleven-daemon-"));
    write("resolv.conf", "");
    write("shop.yaml", shop("web", "10.5.0.2"));
  });

  afterEach(async () => {
    await daemon?.close();
    daemon = undefined;
    rmSync(folder, { recursive: true });
  });

  function write(file: string, text: string): void {
    writeFileSync(join(folder, file), text);
  }

  function shop(name: string, address: string): string {
    return `networks: { shop: {} }\ncontainers: { ${name}: { networks: { shop: { ipv4: ${address} } } } }\n`;
  }

  function config(yaml: string): Config {
    return readConfig(
      `socket: eleven.sock\nresolvConf: resolv.conf\ndataplane: portable\n${yaml}`,
      join(folder, "eleven.yaml"),
    );
  }

  async function start(yaml: string): Promise<Daemon> {
    daemon = await startDaemon({ config: config(yaml), clock: systemClock, log: silentLog });
    return daemon;
  }

  const BASE = 'listen: ["127.0.0.1:0"]\nsources: [{ file: shop.yaml }]\n';

  test("answers over its control socket as itself", async () => {
    const { query, status } = await start(BASE);
    const client = controlClient(join(folder, "eleven.sock"));
    expect(await client.status()).toEqual(status());
    const answer = await client.query({ name: "web.shop", type: "a" });
    expect({ ...answer, ms: 0 }).toEqual({ ...(await query({ name: "web.shop", type: "A" })), ms: 0 });
    expect(answer).toMatchObject({ rcode: "NOERROR", origin: "registry", from: null });
  });

  test("tells what is wrong with a question", async () => {
    const { query } = await start(BASE);
    await expect(query({ name: "a..b", type: "A" })).rejects.toMatchObject({ code: "USAGE" });
    await expect(query({ name: "web", type: "AA" })).rejects.toMatchObject({ code: "USAGE" });
    await expect(query({ name: "web", type: "A", from: "ghost" })).rejects.toMatchObject({
      code: "NO_SUCH_CONTAINER",
      remedy: expect.any(String),
    });
  });

  test("answers a zone transfer to `query` as it does to a client", async () => {
    const { query } = await start(BASE);
    expect(await query({ name: "web", type: "AXFR" })).toMatchObject({ rcode: "REFUSED" });
    expect(await query({ name: "example.org", type: "IXFR" })).toMatchObject({ rcode: "REFUSED" });
  });

  test("says that nobody is there to be asked, and why", async () => {
    const { query } = await start(BASE);
    const { rcode, ede } = await query({ name: "www.example", type: "A" });
    expect(rcode).toBe("SERVFAIL");
    expect(ede[0]?.text).toMatch(/no upstream.*resolv\.conf/);
  });

  test("never asks itself", async () => {
    const { reload, query, status } = await start(BASE);
    const [listener] = status().listeners;
    await reload(config(`listen: ["127.0.0.1:0"]\nsources: []\nupstreams: ["${listener}"]\n`));
    const { ede } = await query({ name: "www.example", type: "A" });
    expect(ede[0]?.text).toContain("this server itself");
  });

  test("a reload takes effect whole", async () => {
    const { reload, status, query } = await start(BASE);
    write("other.yaml", shop("db", "10.6.0.2"));
    await reload(config('listen: ["127.0.0.1:0"]\nsources: [{ file: other.yaml }]\nttl: 9\n'));
    expect(status().sources.map(({ name }) => name)).toEqual([`file:${join(folder, "other.yaml")}`]);
    expect((await query({ name: "db", type: "A" })).answers[0]?.ttl).toBe(9);
    expect((await query({ name: "web", type: "A" })).answers).toEqual([]);
  });

  test("what the cache did is not forgotten in a reload that makes it anew", async () => {
    const { reload, query, cache } = await start(BASE);
    for (let i = 0; i < 2; i++) await query({ name: "www.example", type: "A" });
    const before = cache();
    expect(before).toMatchObject({ misses: 1, failures: 1 });
    await reload(config(`${BASE}cache: false\n`));
    expect(cache()).toEqual({ ...before, maxBytes: 0 });
    await reload(config(BASE));
    expect(cache()).toEqual(before);
    await query({ name: "www.example", type: "A" });
    expect(cache()).toEqual({ ...before, misses: 2 });
  });

  test("a reload that can't be carried out leaves everything as it was", async () => {
    const { reload, status, query } = await start(BASE);
    const before = status();
    const missing = config(`listen: ["127.0.0.2:0"]\nsources: [{ file: missing.yaml }]\nttl: 9\n`);
    await expect(reload(missing)).rejects.toMatchObject({ code: "SOURCE" });
    expect(status().listeners).toEqual(before.listeners);
    expect(status().sources).toEqual(before.sources);
    expect((await query({ name: "web", type: "A" })).answers[0]?.ttl).toBe(5);
  });

  test("a reload that is under way when it is closed is not carried out", async () => {
    const { reload, status, close } = await start(BASE);
    const before = status();
    write("other.yaml", shop("db", "10.6.0.2"));
    const reloaded = reload(config('listen: ["127.0.0.2:0"]\nsources: [{ file: other.yaml }]\n'));
    // It has begun.
    await Promise.resolve();
    await close();
    await reloaded;
    daemon = undefined;
    expect([status().listeners, status().sources]).toEqual([before.listeners, before.sources]);
    expect(status().containers).toBe(before.containers);
  });

  test("a reload says each time what it does not put in force", async () => {
    const said: string[] = [];
    const log = { ...silentLog, warn: (_: object, text: string) => void said.push(text) };
    daemon = await startDaemon({ config: config(BASE), clock: systemClock, log: log as never });
    for (let time = 0; time < 2; time++) await daemon.reload(config(`${BASE}metrics: 127.0.0.1:0\n`));
    expect(said).toEqual(Array(2).fill(expect.stringContaining("keep their old values")));
    await daemon.reload(config(BASE));
    expect(said).toHaveLength(2);
  });

  test("reloads that overlap leave nothing behind", async () => {
    const { reload, status, records } = await start(BASE);
    write("other.yaml", shop("db", "10.6.0.2"));
    const both = config('listen: ["127.0.0.1:0"]\nsources: [{ file: shop.yaml }, { file: other.yaml }]\n');
    await Promise.all([reload(both), reload(both), reload(config(BASE))]);
    expect(status().sources).toHaveLength(1);
    const { revision } = status();
    write("other.yaml", shop("db", "10.7.0.3"));
    write("shop.yaml", shop("web", "10.5.0.9"));
    // Whoever still followed the other file would have seen its change before.
    while (status().revision === revision) await new Promise((resolve) => setImmediate(resolve));
    expect(records({}).map(({ container }) => container)).toEqual(["web"]);
  });
});
