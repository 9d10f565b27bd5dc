import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type ControlClient, controlClient } from "../../src/api/client.ts";
import {
  DOCKERS_ANSWER,
  type DockerLike,
  dockerLike,
  type StormMode,
  type StormReport,
  standIn,
  startStorm,
} from "../support/docker-like.ts";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { missing } from "../support/requirements.ts";
import { dataPlaneThread, stopThread } from "../support/stop-thread.ts";
import { createWorld, type Node, type World } from "../support/world.ts";

const reason = missing("dig", "iptables", "nft", "conntrack", "setpriv");
const BIN = fileURLToPath(new URL("../../bin/eleven", import.meta.url));
const OURS = "10.5.0.2";
/** What the upstream of ours answers, late. */
const UPSTREAMS = "198.51.100.7";
const SWITCHES = 50;

/** So short that it is read by the process itself, and so many links that there is no room for them. */
function manyLinks(): string {
  const links = Array.from({ length: 600 }, (_, index) => `l${index}: a`).join(", ");
  // The YAML library takes a hundred aliases of one anchor.
  const parts = ["a", "b", "c"].flatMap((anchor) => [
    `  ${anchor}: { networks: { shop: { links: &${anchor} { ${links} } } } }`,
    ...Array.from(
      { length: 99 },
      (_, index) => `  ${anchor}${index}: {networks: {shop: {links: *${anchor}}}}`,
    ),
  ]);
  return `networks: { shop: {} }\ncontainers:\n${parts.join("\n")}\n`;
}

describe.skipIf(reason)(
  `taking 127.0.0.11 over from Docker's resolver${reason === undefined ? "" : ` (${reason})`}`,
  () => {
    let world: World;
    let web: Node;
    let docker: DockerLike;
    let config: string;
    let eleven: Eleven | undefined;

    beforeEach(async () => {
      world = createWorld();
      web = world.container("web", {});
      docker = await dockerLike(web);
      world.write(
        "shop.yaml",
        `networks: { shop: {} }
containers:
  web: { netns: ${web.netns}, networks: { shop: { ipv4: ${OURS} } } }
`,
      );
      const [, { udp }] = await standIn(world.host, [UPSTREAMS, "300", "127.0.0.1", "5399"]);
      config = `listen: []
sources: [{ file: shop.yaml }]
upstreams: [127.0.0.1:${udp}]
attach: [web]
`;
    });

    afterEach(async () => {
      eleven?.process.kill("SIGCONT");
      await eleven?.stop("SIGKILL");
      eleven = undefined;
      await world.destroy();
    });

    const start = async (attach = "[web]", env: Record<string, string> = {}) => {
      eleven = await startEleven(world, config.replace("[web]", attach), env);
      return eleven;
    };
    const dig = async (...args: string[]) =>
      (await web.run("dig", ["@127.0.0.11", "+short", "+tries=1", "+timeout=2", ...args])).stdout.trim();
    const rules = async () =>
      (await web.run("iptables-save", ["-t", "nat"])).stdout.replace(/^[#:].*\n/gm, "");
    const tables = async () => (await web.run("nft", ["list", "tables"])).stdout;
    const storm = (mode: StormMode, name = "web", intervalMs = 2) =>
      startStorm([`--net=${web.netns}`], { name, mode, intervalMs, graceMs: 5000 });

    async function attached(control: ControlClient): Promise<void> {
      expect(await control.attach(["web"])).toEqual({ done: ["web"], failed: [] });
    }

    test("answers in its place, over UDP and TCP, and changes nothing of Docker's", async () => {
      expect(await dig("web")).toBe(DOCKERS_ANSWER);
      const before = await rules();
      await start();
      for (const args of [["web"], ["+tcp", "web"], ["-b", "127.0.0.11", "web"]])
        expect(await dig(...args)).toBe(OURS);
      expect(await dig("-p", docker.ports.udp, "web")).toBe(DOCKERS_ANSWER);
      expect(await rules()).toBe(before);
      await eleven?.json("detach", "web");
      for (const args of [["web"], ["+tcp", "web"]]) expect(await dig(...args)).toBe(DOCKERS_ANSWER);
      expect(await rules()).toBe(before);
      await expect.poll(tables).not.toContain("eleven");
    });

    test("has no entry in connection tracking", async () => {
      await start();
      await web.run("conntrack", ["-F"]);
      for (const args of [["web"], ["+tcp", "web"]]) expect(await dig(...args)).toBe(OURS);
      expect((await web.run("conntrack", ["-L"])).stdout).toBe("");
    });

    test.each(["SIGTERM", "SIGKILL"] as const)(
      "is handed back on %s: the very next query",
      async (signal) => {
        const ran = await start();
        expect(await dig("web")).toBe(OURS);
        await ran.stop(signal);
        expect(await dig("web")).toBe(DOCKERS_ANSWER);
        expect(await dig("+tcp", "web")).toBe(DOCKERS_ANSWER);
        expect(await tables()).not.toContain("eleven");
      },
    );

    test("is handed back within three seconds by a process that hangs, and ours again when it goes on", async () => {
      const ran = await start();
      const storming = await storm("fixed", "web", 10);
      const stopped = Date.now();
      ran.process.kill("SIGSTOP");
      await delay(3000);
      expect(await dig("web")).toBe(DOCKERS_ANSWER);
      expect(await dig("+tcp", "web")).toBe(DOCKERS_ANSWER);
      ran.process.kill("SIGCONT");
      await expect.poll(() => dig("web"), { timeout: 3000 }).toBe(OURS);
      const { by } = await storming.end();
      process.stdout.write(`a hung process handed back after ${by[DOCKERS_ANSWER]!.first - stopped} ms\n`);
      expect(by[DOCKERS_ANSWER]!.first - stopped).toBeLessThan(3000);
    });

    test("is handed back within three seconds by a process that runs out of memory", async () => {
      const ran = await start("[web]", { NODE_OPTIONS: "--max-old-space-size=64" });
      const exited = once(ran.process, "exit");
      const storming = await storm("fresh");
      world.write("shop.yaml", manyLinks());
      // Node's own way out: it tells, and aborts.
      expect((await exited)[1]).toBe("SIGABRT");
      const gone = Date.now();
      expect(await dig("web")).toBe(DOCKERS_ANSWER);
      expect(await dig("+tcp", "web")).toBe(DOCKERS_ANSWER);
      const { by, lost } = await storming.end();
      const gapMs = by[DOCKERS_ANSWER]!.first - by[OURS]!.last;
      process.stdout.write(`out of memory: ${gapMs} ms between answers, ${lost.length} queries lost\n`);
      expect(gapMs).toBeLessThan(3000);
      for (const { at } of lost) expect(at).toBeLessThanOrEqual(gone);
    });

    test("hands back within 3 s when only the data plane hangs, and takes over again when it works", async () => {
      const ran = await start();
      await expect.poll(() => dig("web"), { timeout: 3000 }).toBe(OURS);
      const storming = await storm("fresh");
      const held = stopThread(dataPlaneThread(ran.process.pid!));
      const stopped = Date.now();
      try {
        await expect.poll(() => dig("web"), { timeout: 5000 }).toBe(DOCKERS_ANSWER);
        const { dataplane } = await controlClient(ran.socket).status();
        expect(dataplane.state).toBe("hung");
        await delay(2500);
      } finally {
        // Else the process could not be ended, either.
        held.resume();
      }
      await expect.poll(() => dig("web"), { timeout: 5000 }).toBe(OURS);
      const { by } = await storming.end();
      process.stdout.write(`a hung data plane handed back after ${by[DOCKERS_ANSWER]!.first - stopped} ms\n`);
      expect(by[DOCKERS_ANSWER]!.first - stopped).toBeLessThan(3000);
      expect((await controlClient(ran.socket).status()).dataplane).toMatchObject({
        state: "up",
        restarts: 1,
      });
    });

    async function switchBackAndForth(mode: StormMode): Promise<StormReport> {
      const ran = await start("none");
      const control = controlClient(ran.socket);
      const storming = await storm(mode);
      for (let count = 0; count < SWITCHES / 2; count++) {
        await attached(control);
        await delay(10);
        await control.detach(["web"]);
        await delay(10);
      }
      return storming.end();
    }

    test.each(["fixed", "fresh", "tcp"] as const)(
      `loses no query in ${SWITCHES} switches back and forth: %s`,
      async (mode) => {
        const { sent, lost, by } = await switchBackAndForth(mode);
        process.stdout.write(
          `${SWITCHES} switches under ${sent} queries (${mode}): ours ${by[OURS]?.count}, ` +
            `Docker's ${by[DOCKERS_ANSWER]?.count}, lost ${lost.length}\n`,
        );
        expect(lost).toEqual([]);
        for (const who of [OURS, DOCKERS_ANSWER]) expect(by[who]?.count).toBeGreaterThan(20);
      },
    );

    test(`leaves a connection to Docker's resolver alone in ${SWITCHES} switches`, async () => {
      const { sent, lost, by } = await switchBackAndForth("kept");
      expect(lost).toEqual([]);
      expect(by[DOCKERS_ANSWER]?.count).toBe(sent);
    });

    test.each([["+notcp"], ["+tcp"]])(
      "a query in flight at the switch is answered by whom it was put to: %s",
      async (flag) => {
        const ran = await start("none");
        const control = controlClient(ran.socket);
        const toDocker = dig(flag, "slow.example");
        await expect.poll(async () => (await web.run("conntrack", ["-L"])).stdout).toContain("dport=53");
        await attached(control);
        expect(await toDocker).toBe(DOCKERS_ANSWER);
        const toUs = dig(flag, "slow.example");
        while ((await world.host.run("ss", ["-Hnu", "dport", "5399"])).stdout === "") {}
        await control.detach(["web"]);
        expect(await dig("web")).toBe(DOCKERS_ANSWER);
        expect(await toUs).toBe(UPSTREAMS);
      },
    );

    test.each([
      ["SIGKILL", "fixed"],
      ["SIGTERM", "fixed"],
      ["SIGKILL", "tcp"],
      ["SIGTERM", "tcp"],
    ] as const)("%s in a storm (%s) loses what it had in hand, at most", async (signal, mode) => {
      const ran = await start();
      const storming = await storm(mode);
      await delay(300);
      await ran.stop(signal);
      const gone = Date.now();
      await delay(300);
      const report = await storming.end();
      process.stdout.write(`${signal} in ${report.sent} queries (${mode}): lost ${report.lost.length}\n`);
      if (signal === "SIGTERM") expect(report.lost).toEqual([]);
      // The kernel hands back before it tells that the process is gone; what arrives until then is in hand.
      for (const { at } of report.lost) expect(at).toBeLessThanOrEqual(gone);
      expect(report.by[DOCKERS_ANSWER]?.count).toBeGreaterThan(50);
    });

    test("a client with one port survives our restart, and dockerd's with other ports", async () => {
      let ran = await start();
      const storming = await storm("fixed", "web", 20);
      await delay(100);
      await ran.stop("SIGTERM");
      await delay(100);
      ran = await start();
      await delay(100);
      await docker.restart();
      await delay(100);
      await ran.stop("SIGTERM");
      ran = await start();
      await delay(300);
      const report = await storming.end();
      expect(report.by[OURS]?.last).toBeGreaterThan(report.by[DOCKERS_ANSWER]?.last ?? Infinity);
    });

    test("a client with one port that asked Docker's resolver is answered after us, though dockerd restarted under us", async () => {
      const fixed = ["-b", "127.0.0.1#4053", "web"];
      const tracked = async () => (await web.run("conntrack", ["-L"])).stdout;
      expect(await dig(...fixed)).toBe(DOCKERS_ANSWER);
      const ran = await start();
      expect(await tracked()).toContain("sport=4053 dport=53");
      // The kernel forgets by itself after two minutes.
      await expect.poll(tracked, { timeout: 30_000, interval: 500 }).not.toContain("dport=53");
      await docker.restart();
      expect(await dig(...fixed)).toBe(OURS);
      await ran.stop("SIGKILL");
      expect(await dig(...fixed)).toBe(DOCKERS_ANSWER);
    });

    test("a client with one port is answered after us, though dockerd restarted and we left at once", async () => {
      const fixed = ["-b", "127.0.0.1#4053", "web"];
      expect(await dig(...fixed)).toBe(DOCKERS_ANSWER);
      const ran = await start();
      await docker.restart();
      await ran.stop("SIGTERM");
      expect(await dig(...fixed)).toBe(DOCKERS_ANSWER);
    });

    test("a client with one port is answered after us, though dockerd restarted under one of ours that was killed", async () => {
      const fixed = ["-b", "127.0.0.1#4053", "web"];
      expect(await dig(...fixed)).toBe(DOCKERS_ANSWER);
      await start();
      await docker.restart();
      await eleven!.stop("SIGKILL");
      await start();
      await eleven!.stop("SIGTERM");
      expect(await dig(...fixed)).toBe(DOCKERS_ANSWER);
    });

    test("an answer under way from a resolver at another address arrives", async () => {
      const [, { udp }] = await standIn(web, [DOCKERS_ANSWER, "2500", "127.0.0.1"]);
      const rule = ["-t", "nat", "-I", "OUTPUT", "-d", "127.0.0.11", "-p", "udp", "--dport", "53"];
      await web.run("iptables", [...rule, "-j", "DNAT", "--to-destination", `127.0.0.1:${udp}`]);
      const asked = web.run("dig", ["@127.0.0.11", "+short", "+tries=1", "+timeout=10", "slow"]);
      await expect.poll(async () => (await web.run("conntrack", ["-L"])).stdout).toContain("dport=53");
      await start();
      expect((await asked).stdout.trim()).toBe(DOCKERS_ANSWER);
    });

    test("needs the right to change nftables where Docker's rules are, and only there", async () => {
      const plain = world.container("plain", {});
      world.write(
        "shop.yaml",
        `networks: { shop: {} }
containers:
  web: { netns: ${web.netns}, networks: { shop: { ipv4: ${OURS} } } }
  plain: { netns: ${plain.netns}, networks: { shop: { ipv4: 10.5.0.3 } } }
`,
      );
      const socket = join(world.folder, "eleven.sock");
      const path = world.write("eleven.yaml", `socket: ${socket}\n${config.replace("[web]", "all")}`);
      const bounded = ["--bounding-set=-net_admin", "--inh-caps=-net_admin", process.execPath, BIN];
      const child = world.host.start("setpriv", [...bounded, "serve", "--config", path]);
      await world.host.run(process.execPath, [BIN, "status", "--wait", "10", "--socket", socket]);
      const { attachments } = await controlClient(socket).status();
      expect(attachments).toMatchObject([
        {
          container: "web",
          state: "failed",
          reason: expect.stringContaining("not permitted to change nftables"),
        },
        { container: "plain", state: "attached" },
      ]);
      expect(await dig("web")).toBe(DOCKERS_ANSWER);
      expect((await plain.run("dig", ["@127.0.0.11", "+short", "plain"])).stdout.trim()).toBe("10.5.0.3");
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      await exited;
    });
  },
);
