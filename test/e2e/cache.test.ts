import type { ChildProcess } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CacheReport, FlushReport, QueryReport } from "../../src/api/control.ts";
import { type Namespace, openNamespace } from "../../src/linux/namespace.ts";
import { ask } from "../support/ask.ts";
import { startDnsmasq } from "../support/dnsmasq.ts";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { missing } from "../support/requirements.ts";
import { createWorld, end, type Node, type World } from "../support/world.ts";

const reason = missing("dnsmasq");

describe.skipIf(reason)(
  `the cache before a real upstream${reason === undefined ? "" : ` (${reason})`}`,
  () => {
    let world: World;
    let eleven: Eleven;
    let upstream: Node;
    let container: Namespace;
    let dnsmasq: ChildProcess;
    /** What dnsmasq was asked, as `A www.example.org`. */
    const asked: string[] = [];

    beforeAll(async () => {
      world = createWorld();
      world.bridge("shop0", "10.5.0.1/24");
      world.bridge("up0", "10.99.0.254/24");
      const web = world.container("web-1", { shop0: ["10.5.0.2/24"] });
      upstream = world.container("up", { up0: ["10.99.0.1/24", "10.99.0.2/24"] });
      container = openNamespace(web.netns);
      dnsmasq = await start("10.77.0.1");
      // Only with authority for a zone does it give an SOA where there is nothing.
      await startDnsmasq(upstream, {
        listen: ["10.99.0.2"],
        args: [
          "--auth-server=ns.zone.example,10.99.0.2",
          "--auth-zone=zone.example",
          "--auth-ttl=300",
          "--host-record=www.zone.example,10.77.0.1",
        ],
      });
      world.write("resolv.conf", "nameserver 10.99.0.1\n");
      world.write(
        "shop.yaml",
        `networks: { shop: {} }
containers: { web-1: { netns: ${web.netns}, networks: { shop: { ipv4: 10.5.0.2 } } } }
`,
      );
      eleven = await startEleven(world, config());
    });

    afterAll(async () => {
      await eleven?.stop();
      container?.close();
      await world?.destroy();
    });

    const config = (): string => `listen: []
sources: [{ file: shop.yaml }]
attach: all
resolvConf: ${world.folder}/resolv.conf
domains: { zone.example: [10.99.0.2] }
`;

    async function start(address: string): Promise<ChildProcess> {
      const child = await startDnsmasq(upstream, {
        listen: ["10.99.0.1"],
        args: [
          "--address=/fill.example/10.77.0.9",
          "--local-ttl=300",
          `--host-record=long.example.org,${address},300`,
          `--host-record=busy.example.org,${address},300`,
          `--host-record=short.example.org,${address},1`,
          `--host-record=shy.example.org,${address},1`,
        ],
      });
      child.stderr?.on("data", (text: string) => {
        for (const [, type, name] of text.matchAll(/query\[(\w+)\] (\S+) from/g))
          asked.push(`${type} ${name}`);
      });
      return child;
    }

    const cache = async () => (await eleven.json<CacheReport>("cache")).value;
    const flush = async (...name: string[]) =>
      (await eleven.json<FlushReport>("cache", "flush", ...name)).value;
    const times = (question: string) => asked.filter((each) => each === question).length;
    const address = ({ answers }: QueryReport) => answers[0]?.data;

    /** Asks until the answer is from elsewhere than the cache: until it has expired. */
    async function afterExpiry(name: string): Promise<QueryReport> {
      for (;;) {
        const report = await eleven.query(name);
        if (report.origin !== "cache" && report.origin !== "upstream") return report;
      }
    }

    test("answers again, with a smaller TTL, and knows what does not exist", async () => {
      expect(await eleven.query("long.example.org")).toMatchObject({
        origin: "upstream",
        upstream: "10.99.0.1:53",
      });
      const again = await eleven.query("LONG.example.org", "--from", "web-1");
      expect(again).toMatchObject({ origin: "cache", upstream: "10.99.0.1:53" });
      expect(again.answers).toMatchObject([{ name: "LONG.example.org.", data: "10.77.0.1" }]);
      expect(again.answers[0]?.ttl).toBeLessThanOrEqual(300);
      for (const origin of ["upstream", "cache"]) {
        const nxdomain = await eleven.query("nobody.zone.example");
        expect(nxdomain).toMatchObject({ rcode: "NXDOMAIN", origin, authority: [{ type: "SOA" }] });
        const nodata = await eleven.query("www.zone.example", "AAAA");
        expect(nodata).toMatchObject({ rcode: "NOERROR", origin, answers: [], authority: [{ type: "SOA" }] });
      }
      expect(times("A long.example.org")).toBe(1);
    });

    test("counts what the data plane gives by itself", async () => {
      await eleven.query("long.example.org");
      const before = await cache();
      for (let i = 0; i < 20; i++) await ask(container, "long.example.org", 4900);
      const { hits, misses } = await cache();
      expect([hits - before.hits, misses - before.misses]).toEqual([20, 0]);
    });

    test("a hundred equal questions at once are one question to the upstream", async () => {
      const before = await cache();
      dnsmasq.kill("SIGSTOP");
      const replies = Array.from({ length: 100 }, () => ask(container, "busy.example.org", 10_000));
      while ((await cache()).joined - before.joined < 99);
      dnsmasq.kill("SIGCONT");
      for (const { octets } of await Promise.all(replies)) expect(octets?.readUInt16BE(6)).toBe(1);
      expect((await cache()).misses - before.misses).toBe(100);
      // A server that is slow is asked again, thrice at the most.
      expect(times("A busy.example.org")).toBeLessThanOrEqual(3);
    });

    test("an upstream that is silent, then gone: what is fresh is given, and what has expired, too", async () => {
      await eleven.query("short.example.org");
      await eleven.query("shy.example.org");
      dnsmasq.kill("SIGSTOP");
      const silent = await afterExpiry("short.example.org");
      expect(silent).toMatchObject({ rcode: "NOERROR", origin: "stale", ede: [{ code: 3 }] });
      expect(silent.answers).toMatchObject([{ ttl: 30, data: "10.77.0.1" }]);
      await end(dnsmasq);
      expect(await eleven.query("long.example.org")).toMatchObject({ origin: "cache" });
      expect(await afterExpiry("shy.example.org")).toMatchObject({ origin: "stale", ede: [{ code: 3 }] });
      expect(await eleven.query("unheard.example.org")).toMatchObject({ rcode: "SERVFAIL" });
    });

    test("once it is back, names are asked for behind the client's back", async () => {
      dnsmasq = await start("10.77.0.2");
      for (;;) {
        const report = await eleven.query("short.example.org");
        if (address(report) === "10.77.0.2") break;
        // Nobody is made to wait meanwhile.
        expect(report).toMatchObject({ origin: "stale", rcode: "NOERROR" });
      }
    });

    test("flush forgets one name, or all", async () => {
      expect(address(await eleven.query("long.example.org"))).toBe("10.77.0.1");
      expect(await flush("LONG.example.org.")).toEqual({ flushed: 1 });
      expect(address(await eleven.query("long.example.org"))).toBe("10.77.0.2");
      expect(await eleven.query("busy.example.org")).toMatchObject({ origin: "cache" });
      const { entries } = await cache();
      expect(await flush()).toEqual({ flushed: entries });
      expect(await cache()).toMatchObject({ entries: 0, bytes: 0 });
      const refused = await eleven.command("cache", "flush", "a..b");
      expect(refused).toMatchObject({ status: 2, stderr: expect.stringContaining("remedy: ") });
    });

    test("a reload leaves it alone, unless it is the cache that changes", async () => {
      await eleven.query("long.example.org");
      let ttl = 5;
      const reload = async (yaml: string) => {
        world.write("eleven.yaml", `socket: ${eleven.socket}\n${config()}ttl: ${++ttl}\n${yaml}`);
        eleven.process.kill("SIGHUP");
        while ((await eleven.query("web-1")).answers[0]?.ttl !== ttl);
        return cache();
      };
      expect(await reload("")).toMatchObject({ entries: 1 });
      expect(await eleven.query("long.example.org")).toMatchObject({ origin: "cache" });
      expect(await reload("cache: false\n")).toMatchObject({ entries: 0, maxBytes: 0 });
      for (let i = 0; i < 2; i++)
        expect(await eleven.query("long.example.org")).toMatchObject({ origin: "upstream" });
      expect((await eleven.command("cache")).stdout).toBe("the cache is switched off\n");
      expect(await reload("")).toMatchObject({ entries: 0, maxBytes: 8_388_608 });
    });

    test("nothing survives a change of the host's nameservers", async () => {
      await eleven.query("long.example.org");
      await end(dnsmasq);
      expect(await eleven.query("long.example.org")).toMatchObject({ origin: "cache" });
      world.write("resolv.conf", "nameserver 10.99.0.3\n");
      expect(await eleven.query("long.example.org")).toMatchObject({ rcode: "SERVFAIL", answers: [] });
    });

    test("tells people what it did", async () => {
      const { stdout } = await eleven.command("cache");
      expect(stdout).toMatch(/^entries +\d+, \d+ KiB of 8192 KiB$/m);
      expect(stdout).toMatch(/^misses +\d+, of which \d+ joined a question in flight$/m);
    });

    test("keeps a name that the data plane gives all the time, however full it is", async () => {
      await eleven.stop();
      world.write("resolv.conf", "nameserver 10.99.0.1\n");
      dnsmasq = await start("10.77.0.1");
      eleven = await startEleven(world, `${config()}cache: { maxBytes: 20000 }\n`);
      for (let i = 0; i < 200; i++) {
        for (const name of ["long.example.org", `n${i}.fill.example`])
          expect((await ask(container, name, 4900)).octets?.readUInt16BE(6)).toBe(1);
      }
      expect((await cache()).evictions).toBeGreaterThan(100);
      expect(times("A n0.fill.example")).toBe(1);
      dnsmasq.kill("SIGSTOP");
      expect(await eleven.query("n0.fill.example")).toMatchObject({ rcode: "SERVFAIL" });
      expect(await eleven.query("long.example.org")).toMatchObject({ origin: "cache" });
      await end(dnsmasq);
    });
  },
);
