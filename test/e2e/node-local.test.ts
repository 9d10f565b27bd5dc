import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { startDnsmasq } from "../support/dnsmasq.ts";
import { type StormMode, standIn, startStorm } from "../support/docker-like.ts";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { missing } from "../support/requirements.ts";
import { createWorld, type Node, type World } from "../support/world.ts";

const reason =
  missing("dig", "dnsmasq", "ss", "iptables", "nft", "conntrack") ??
  (existsSync("/dev/net/tun") ? undefined : "needs /dev/net/tun");

const BIN = fileURLToPath(new URL("../../bin/eleven", import.meta.url));

const LOCAL = "169.254.20.10";
/** The cluster's DNS as pods know it, and the server behind it. */
const SERVICE = "10.96.0.10";
const BEHIND = "10.244.2.2";
/** Whom eleven asks. It says something else, so that an answer tells where it is from. */
const UPSTREAM = "10.244.2.3";
const SERVICES_ANSWER = "10.0.0.1";
const UPSTREAMS_ANSWER = "10.0.0.2";

const CONFIG = `listen: []
nodeLocal:
  address: ${LOCAL}
  intercept: [${SERVICE}]
  upstreams: [${UPSTREAM}]
`;

/** How the service's address leads to the server behind it: as kube-proxy does it, or without connection tracking. */
const WAYS = ["translated", "routed"] as const;

describe.skipIf(reason).each(WAYS)(
  `a node-local listener before a service that is %s${reason === undefined ? "" : ` (${reason})`}`,
  (way) => {
    let world: World;
    let pod: Node;
    let servers: Node;
    let eleven: Eleven | undefined;

    beforeAll(async () => {
      world = createWorld();
      world.bridge("pods0", "10.244.1.1/24");
      world.bridge("svc0", "10.244.2.1/24");
      pod = world.container("pod", { pods0: ["10.244.1.2/24"] });
      servers = world.container("servers", { svc0: [`${BEHIND}/24`, `${UPSTREAM}/24`] });
      await succeed(world.host, "sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward");
      await succeed(pod, "ip", "route", "add", "default", "via", "10.244.1.1");
      await succeed(servers, "ip", "route", "add", "default", "via", "10.244.2.1");
      if (way === "routed") {
        await succeed(servers, "ip", "address", "add", `${SERVICE}/32`, "dev", "lo");
        await succeed(world.host, "ip", "route", "add", SERVICE, "via", BEHIND);
      } else
        for (const chain of ["PREROUTING", "OUTPUT"])
          for (const protocol of ["udp", "tcp"])
            await succeed(
              world.host,
              ...["iptables", "-t", "nat", "-A", chain, "-d", SERVICE, "-p", protocol, "--dport", "53"],
              ...["-j", "DNAT", "--to-destination", BEHIND],
            );
      const service = way === "routed" ? [BEHIND, SERVICE] : [BEHIND];
      await startDnsmasq(servers, {
        listen: service,
        args: ["--pid-file=", "--local-ttl=60", `--address=/test/${SERVICES_ANSWER}`],
      });
      await startDnsmasq(servers, {
        listen: [UPSTREAM],
        args: ["--pid-file=", "--local-ttl=60", `--address=/test/${UPSTREAMS_ANSWER}`],
      });
    });

    afterEach(async () => {
      eleven?.process.kill("SIGCONT");
      await eleven?.stop("SIGKILL");
      eleven = undefined;
      expect(await left()).toBe("");
    });

    afterAll(() => world?.destroy());

    const start = async (config = CONFIG) => {
      eleven = await startEleven(world, config);
      return eleven;
    };
    const dig = async (at: string, ...args: string[]) => digFrom(pod, at, ...args);
    /** What eleven made, and is still there. */
    async function left(): Promise<string> {
      const links = (await world.host.run("ip", ["-brief", "link"])).stdout;
      const tables = (await world.host.run("nft", ["list", "tables"])).stdout;
      return `${links}${tables}`
        .split("\n")
        .filter((line) => line.includes("eleven"))
        .join("\n");
    }
    const storm = (mode: StormMode, at = SERVICE) =>
      startStorm([`--net=${pod.netns}`, "env", `STORM_ADDRESS=${at}`], {
        name: "who.test",
        mode,
        graceMs: 3000,
      });

    test("answers pods and the node's own processes at both addresses, over UDP and TCP", async () => {
      expect(await dig(SERVICE, "who.test")).toBe(SERVICES_ANSWER);
      const running = await start();
      for (const at of [LOCAL, SERVICE])
        for (const args of [[], ["+tcp"]]) {
          expect(await dig(at, "who.test", ...args)).toBe(UPSTREAMS_ANSWER);
          expect(await digFrom(world.host, at, "who.test", ...args)).toBe(UPSTREAMS_ANSWER);
        }
      const { nodeLocal, listeners, upstreams } = await running.status();
      expect(nodeLocal).toEqual({
        address: LOCAL,
        intercept: [SERVICE],
        interface: "eleven0",
        state: "up",
        reason: null,
        remedy: null,
      });
      expect(listeners).toEqual([`${LOCAL}:53`, `${SERVICE}:53`]);
      expect(upstreams).toContainEqual(expect.objectContaining({ address: `${UPSTREAM}:53`, state: "up" }));
    });

    test("connection tracking sees neither queries nor answers", async () => {
      await start();
      await succeed(world.host, "conntrack", "-F");
      for (const at of [LOCAL, SERVICE])
        for (const args of [[], ["+tcp"]]) {
          expect(await dig(at, "new.test", ...args)).toBe(UPSTREAMS_ANSWER);
          expect(await digFrom(world.host, at, "new.test", ...args)).toBe(UPSTREAMS_ANSWER);
        }
      const entries = (await world.host.run("conntrack", ["-L"])).stdout.split("\n").filter(Boolean);
      if (way === "translated") expect(entries.join()).toContain(UPSTREAM);
      expect(entries.filter((entry) => entry.includes(LOCAL) || entry.includes(SERVICE))).toEqual([]);
    });

    test.each(["SIGKILL", "SIGTERM"] as const)(
      "after %s nothing is left, and the very next query reaches the service",
      async (signal) => {
        const running = await start();
        expect(await dig(SERVICE, "who.test")).toBe(UPSTREAMS_ANSWER);
        await running.stop(signal);
        expect(await left()).toBe("");
        expect(await dig(SERVICE, "who.test")).toBe(SERVICES_ANSWER);
        expect(await dig(SERVICE, "who.test", "+tcp")).toBe(SERVICES_ANSWER);
        await start();
        expect(await dig(SERVICE, "who.test")).toBe(UPSTREAMS_ANSWER);
      },
    );

    test.each([
      ["SIGTERM", "fixed"],
      ["SIGTERM", "fresh"],
      ["SIGKILL", "fixed"],
      ["SIGKILL", "fresh"],
    ] as const)(
      "%s in a flood (%s ports) loses what it had in hand, at most; so does a start",
      async (signal, mode) => {
        const running = await start();
        expect(await dig(SERVICE, "who.test")).toBe(UPSTREAMS_ANSWER);
        const flood = await storm(mode);
        await dig(SERVICE, "who.test");
        await running.stop(signal);
        const gone = Date.now();
        await dig(SERVICE, "who.test");
        await start();
        const started = Date.now();
        await dig(SERVICE, "who.test");
        const { sent, by, lost } = await flood.end();
        const atEnd = lost.filter(({ at }) => at <= gone).length;
        process.stdout.write(
          `${signal} in ${sent} queries (${way}, ${mode}): lost ${atEnd}, at the start ${lost.length - atEnd}\n`,
        );
        expect(Object.keys(by).sort()).toEqual([SERVICES_ANSWER, UPSTREAMS_ANSWER]);
        if (signal === "SIGTERM") expect(atEnd).toBe(0);
        // Of a service that is routed to, answers that are under way when its address becomes ours look forged.
        if (way === "translated") expect(lost.length - atEnd).toBe(0);
        for (const { at } of lost) expect(at).toBeLessThanOrEqual(started);
      },
    );

    test.each([["+notcp"], ["+tcp"]])("a query in flight at SIGTERM is answered: %s", async (flag) => {
      const [late, { udp }] = await standIn(world.host, ["10.0.0.3", "300", "127.0.0.1"]);
      const running = await start(CONFIG.replace(UPSTREAM, `"127.0.0.1:${udp}"`));
      const waiting = dig(SERVICE, "slow.test", flag);
      while ((await world.host.run("ss", ["-Hnu", "dport", udp])).stdout === "") {}
      const stopping = running.stop("SIGTERM");
      expect(await waiting).toBe("10.0.0.3");
      expect(await stopping).toBe(0);
      late.kill();
    });

    test("a process that hangs is passed by within three seconds, until it goes on", async () => {
      const running = await start();
      expect(await dig(SERVICE, "who.test")).toBe(UPSTREAMS_ANSWER);
      running.process.kill("SIGSTOP");
      const stopped = Date.now();
      await expect.poll(() => dig(SERVICE, "who.test"), { timeout: 5000 }).toBe(SERVICES_ANSWER);
      process.stdout.write(`a hung process (${way}) was passed by after ${Date.now() - stopped} ms\n`);
      expect(Date.now() - stopped).toBeLessThan(3000 + DIG_MS);
      expect(await dig(SERVICE, "who.test", "+tcp")).toBe(SERVICES_ANSWER);
      running.process.kill("SIGCONT");
      await expect.poll(() => dig(SERVICE, "who.test"), { timeout: 5000 }).toBe(UPSTREAMS_ANSWER);
    });

    test("asks over TCP when told to, and its upstreams are for its own clients only", async () => {
      const watch = `table inet watch { chain in { type filter hook input priority 0; ip daddr ${UPSTREAM} udp dport 53 counter; }; }`;
      await servers.run("nft", ["-f", "-"], { input: watch });
      const running = await start(
        `${CONFIG}  forceTcp: true\n`.replace(
          "listen: []",
          `listen: [10.244.1.1:53]\nupstreams: [${BEHIND}]`,
        ),
      );
      for (let twice = 0; twice < 2; twice++) {
        expect(await dig(LOCAL, "tcp.test")).toBe(UPSTREAMS_ANSWER);
        expect(await dig("10.244.1.1", "tcp.test")).toBe(SERVICES_ANSWER);
      }
      const { upstreams } = await running.status();
      expect(upstreams.map(({ address }) => address)).toEqual([`${BEHIND}:53`, `tcp://${UPSTREAM}:53`]);
      expect((await servers.run("nft", ["list", "table", "inet", "watch"])).stdout).toContain("packets 0 ");
      await servers.run("nft", ["delete", "table", "inet", "watch"]);
    });

    test("a reload adds and takes away addresses, and a refused one changes nothing", async () => {
      const running = await start();
      const reload = async (config: string, heard: string) => {
        const before = running.log().split(heard).length;
        world.write("eleven.yaml", `socket: ${running.socket}\n${config}`);
        running.process.kill("SIGHUP");
        await expect.poll(() => running.log().split(heard).length).toBe(before + 1);
      };
      await reload(CONFIG.replace(`intercept: [${SERVICE}]`, "intercept: []"), '"reloaded"');
      expect(await dig(LOCAL, "who.test")).toBe(UPSTREAMS_ANSWER);
      expect(await dig(SERVICE, "who.test")).toBe(SERVICES_ANSWER);
      world.write(
        "shop.yaml",
        "networks: { shop: {} }\ncontainers: { web: { networks: { shop: { ipv4: 10.5.0.2 } } } }\n",
      );
      const another = "sources: [{ file: shop.yaml }]\n";
      await reload(another + CONFIG.replace(LOCAL, "10.244.1.1"), "reload refused");
      expect(await dig(LOCAL, "who.test")).toBe(UPSTREAMS_ANSWER);
      // Nobody was answered by it for a moment, either.
      expect((await running.json("history", "web.shop")).value).toEqual([]);
      await reload(CONFIG, '"reloaded"');
      expect(await dig(LOCAL, "who.test")).toBe(UPSTREAMS_ANSWER);
      expect(await dig(SERVICE, "who.test")).toBe(UPSTREAMS_ANSWER);
      await reload(CONFIG.replace("listen: []", "listen: [0.0.0.0:53]"), '"reloaded"');
      await reload("listen: [0.0.0.0:53]\n", '"reloaded"');
      expect(await dig(SERVICE, "who.test")).toBe(SERVICES_ANSWER);
      expect(await left()).toBe("");
    });

    test("comes back by itself when somebody removes its interface", async () => {
      const running = await start();
      await succeed(world.host, "ip", "link", "delete", "eleven0");
      await expect.poll(() => running.log()).toContain("the node-local listener is back");
      expect(await dig(LOCAL, "who.test")).toBe(UPSTREAMS_ANSWER);
    });

    /** Runs `eleven serve` that is refused, behind a command of sh; what it says. */
    async function refusal(behind: string): Promise<string> {
      const file = world.write("refused.yaml", `socket: ${world.folder}/refused.sock\n${CONFIG}`);
      const { status, stderr } = await world.host.run("unshare", [
        ...["--mount", "--propagation", "private", "sh", "-c", `${behind} && exec "$@"`, "sh"],
        ...[process.execPath, BIN, "serve", "--config", file],
      ]);
      expect(status).toBe(2);
      return stderr;
    }

    test("refuses an address that the machine has, and tells whose it is", async () => {
      await start();
      const another = await refusal("true");
      expect(another).toContain("Cannot take 169.254.20.10: this machine has it already, on eleven0");
      expect(another).not.toContain("Warning");
      expect(another).toContain("Stop the other eleven");
      await eleven?.stop();
      await succeed(world.host, "ip", "link", "add", "nodelocaldns", "type", "bridge");
      await succeed(world.host, "ip", "address", "add", `${SERVICE}/32`, "dev", "nodelocaldns");
      const dnscache = await refusal("true");
      expect(dnscache).toContain("Cannot take 10.96.0.10: this machine has it already, on nodelocaldns");
      expect(dnscache).toContain("NodeLocal DNSCache runs here");
      await succeed(world.host, "ip", "link", "delete", "nodelocaldns");
    });

    test("refuses to go without /dev/net/tun, and tells what is missing", async () => {
      const said = await refusal("mount -t tmpfs none /dev/net");
      expect(said).toContain(
        "Cannot make an interface for the node-local listener: there is no /dev/net/tun",
      );
      expect(said).toContain("modprobe tun");
    });
  },
);

const DIG_MS = 1000;

async function digFrom(node: Node, at: string, ...args: string[]): Promise<string> {
  const options = ["+short", "+tries=1", `+timeout=${DIG_MS / 1000}`];
  return (await node.run("dig", [`@${at}`, ...options, ...args])).stdout.trim();
}

async function succeed(node: Node, command: string, ...args: readonly string[]): Promise<void> {
  const { status, stderr } = await node.run(command, args);
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}
