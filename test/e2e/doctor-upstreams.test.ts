import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Namespace, openNamespace } from "../../src/linux/namespace.ts";
import { startContainerProcess } from "../support/container-process.ts";
import { startDnsmasq } from "../support/dnsmasq.ts";
import { doctor, findings } from "../support/doctor.ts";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { missing } from "../support/requirements.ts";
import { type ScriptedDns, startScriptedDns } from "../support/scripted-dns.ts";
import { createWorld, type Node, type World } from "../support/world.ts";

const reason = missing("dnsmasq");

const HOST = "10.9.0.1";
const LIVE = "10.9.0.53";
const NOBODY = "10.9.0.54";
const CODES = [
  "no-upstream",
  "forwarding-loop",
  "upstream-dead",
  "loopback-upstream",
  "public-fallback",
  "upstream-frozen",
  "upstream-drops-aaaa",
];

describe.skipIf(reason)(`doctor and upstreams${reason === undefined ? "" : ` (${reason})`}`, () => {
  let world: World;
  let upstream: Node;
  let web: Node;
  let eleven: Eleven;
  let script: { dns: ScriptedDns; namespace: Namespace } | undefined;

  beforeEach(() => {
    world = createWorld();
    world.bridge("br0", `${HOST}/24`);
    upstream = world.container("upstream", { br0: [`${LIVE}/24`] });
    web = world.container("web-1", { br0: ["10.9.0.2/24"] });
  });

  afterEach(async () => {
    script?.dns.close();
    script?.namespace.close();
    script = undefined;
    await world.destroy();
  });

  /** A live dnsmasq, which refuses what it does not know. */
  const live = (...args: string[]) => startDnsmasq(upstream, { listen: [LIVE], args });

  async function serve(
    resolvConf: string,
    { container = "", config = "" }: { container?: string; config?: string } = {},
  ): Promise<void> {
    world.write(
      "shop.yaml",
      `networks: { shop: {} }
containers:
  web-1: { netns: ${web.netns}, networks: { shop: { ipv4: 10.9.0.2 } }${container} }
`,
    );
    const path = world.write("resolv.conf", resolvConf);
    const listen = config.includes("listen:") ? "" : "listen: []\n";
    eleven = await startEleven(
      world,
      `${listen}sources: [{ file: shop.yaml }]\nresolvConf: ${path}\n${config}`,
    );
  }

  /** A process of web-1's own, which sees this /etc/resolv.conf. */
  const inside = (resolvConf: string) => startContainerProcess(world, web, { "resolv.conf": resolvConf });

  test("upstreams that answer are found nothing about", async () => {
    await live();
    await inside(`nameserver 127.0.0.11\n# ExtServers: [host(${LIVE})]\n# Overrides: []\n`);
    await serve(`nameserver ${LIVE}\n`);
    const { findings, checks } = await doctor(eleven);
    expect(findings.filter(({ code }) => CODES.includes(code))).toEqual([]);
    expect(checks.filter(({ code }) => CODES.includes(code)).map(({ state }) => state)).toEqual(
      CODES.map(() => "ok"),
    );
  });

  test("a host file without a nameserver leaves no upstream", async () => {
    await serve("search example.org\n");
    expect(await findings(eleven, "no-upstream")).toMatchObject([{ severity: "error" }]);
  });

  test("a server that answers nothing is dead: a warning beside another, an error alone", async () => {
    await live();
    await serve(`nameserver ${NOBODY}\nnameserver ${LIVE}\n`);
    expect(await findings(eleven, "upstream-dead")).toMatchObject([
      { severity: "warning", subject: `${NOBODY}:53`, evidence: { users: ["eleven"], stranded: [] } },
    ]);
    await eleven.stop();
    await serve(`nameserver ${NOBODY}\n`);
    expect(await findings(eleven, "upstream-dead")).toMatchObject([
      { severity: "error", evidence: { stranded: ["eleven"] } },
    ]);
  });

  test("a container's own dead server is asked from its own namespace", async () => {
    await live();
    await serve(`nameserver ${LIVE}\n`, { container: `, upstreams: [${NOBODY}]` });
    expect(await findings(eleven, "upstream-dead")).toMatchObject([
      { severity: "error", evidence: { askedFrom: "web-1", users: ["web-1"], stranded: ["web-1"] } },
    ]);
  });

  test("a server that is silent on AAAA alone drops it", async () => {
    const namespace = openNamespace(upstream.netns);
    const dns = startScriptedDns(namespace, [LIVE], ({ type }) =>
      type === "AAAA" ? undefined : { addresses: ["192.0.2.1"] },
    );
    script = { dns, namespace };
    await serve(`nameserver ${LIVE}\n`);
    expect(await findings(eleven, "upstream-drops-aaaa")).toMatchObject([
      { severity: "warning", subject: `${LIVE}:53` },
    ]);
    expect(await findings(eleven, "upstream-dead")).toEqual([]);
  });

  test("a server that answers after 0.9 s is neither dead nor drops AAAA, nor does one that is slow with AAAA alone", async () => {
    const [slow, slowWithAaaa] = [LIVE, "10.9.0.55"];
    await upstream.run("ip", ["address", "add", `${slowWithAaaa}/32`, "dev", "lo"]);
    const namespace = openNamespace(upstream.netns);
    const dns = startScriptedDns(namespace, [slow, slowWithAaaa], ({ server, type }) =>
      server === 0 || type === "AAAA" ? { afterMs: 900 } : {},
    );
    script = { dns, namespace };
    await serve(`nameserver ${slow}\nnameserver ${slowWithAaaa}\n`);
    const { findings } = await doctor(eleven);
    expect(dns.arrived.filter(({ type }) => type === "AAAA").map(({ server }) => server)).toEqual(
      expect.arrayContaining([0, 1]),
    );
    expect(findings.filter(({ code }) => code.startsWith("upstream-"))).toEqual([]);
  });

  test("a container that is to ask its own loopback, where nobody is, is told of; not if somebody is", async () => {
    await live();
    await serve(`nameserver ${LIVE}\n`, { container: ", upstreams: [127.0.0.1]" });
    expect(await findings(eleven, "loopback-upstream")).toMatchObject([
      { severity: "error", subject: "web-1", evidence: { server: "127.0.0.1:53" } },
    ]);
    expect(await findings(eleven, "upstream-dead")).toEqual([]);
    await startDnsmasq(web, { listen: ["127.0.0.1"], args: [] });
    expect(await findings(eleven, "loopback-upstream")).toEqual([]);
  });

  test("an upstream that asks us is a loop", async () => {
    await live(`--server=${HOST}#5311`);
    await serve(`nameserver ${LIVE}\n`, { config: `listen: ["${HOST}:5311"]\n` });
    expect(await findings(eleven, "forwarding-loop")).toMatchObject([
      { severity: "error", subject: `${LIVE}:53`, evidence: { users: ["eleven"] } },
    ]);
  });

  test("a container whose engine asks other servers than the host's file names has frozen ones", async () => {
    await live();
    await inside(`nameserver 127.0.0.11\n# ExtServers: [host(${NOBODY})]\n# Overrides: []\n`);
    await serve(`nameserver ${LIVE}\n`);
    expect(await findings(eleven, "upstream-frozen")).toMatchObject([
      {
        severity: "warning",
        subject: "web-1",
        evidence: { servers: [NOBODY], today: [LIVE], knownBy: "engine's comment" },
      },
    ]);
  });

  test("servers that were given to a container on purpose are not frozen", async () => {
    await live();
    await inside(`nameserver 127.0.0.11\n# ExtServers: [${NOBODY}]\n# Overrides: [nameservers]\n`);
    await serve(`nameserver ${LIVE}\n`);
    await expect(findings(eleven, "upstream-frozen")).rejects.toThrow("nothing tells");
  });

  test("a default bridge's copy of the host's file is frozen, too", async () => {
    await live();
    await inside(`nameserver ${NOBODY}\n`);
    await serve(`nameserver ${LIVE}\n`);
    expect(await findings(eleven, "upstream-frozen")).toMatchObject([
      { evidence: { servers: [NOBODY], knownBy: "resolv.conf" } },
    ]);
  });

  test("Google's servers for want of others are told of, and that they can't be reached", async () => {
    await startDnsmasq(world.host, { listen: ["127.0.0.53"], args: [] });
    await inside("nameserver 8.8.8.8\nnameserver 8.8.4.4\n");
    await serve("nameserver 127.0.0.53\n");
    expect(await findings(eleven, "public-fallback")).toMatchObject([
      {
        severity: "error",
        subject: "8.8.8.8, 8.8.4.4",
        evidence: { users: ["web-1"], isReachable: false },
      },
    ]);
    expect(await findings(eleven, "upstream-frozen")).toEqual([]);
  });

  test.each([
    ["beside another", `nameserver 8.8.8.8\nnameserver ${NOBODY}\n`, ["8.8.8.8", NOBODY]],
    ["alone, which Docker never writes", "nameserver 8.8.8.8\n", ["8.8.8.8"]],
  ])("8.8.8.8 %s is somebody's choice, and may be of another day", async (_, text, servers) => {
    await live();
    await inside(text);
    await serve(`nameserver ${LIVE}\n`);
    const report = await doctor(eleven);
    const told = report.findings.filter(({ code }) => /^(public-fallback|upstream-frozen)$/.test(code));
    expect(told).toMatchObject([{ code: "upstream-frozen", subject: "web-1", evidence: { servers } }]);
  });

  test("eleven's own fallback to them is told of as well, and that they can be reached", async () => {
    const namespace = openNamespace(world.host.netns);
    await world.host.run("ip", ["address", "add", "8.8.8.8/32", "dev", "lo"]);
    const dns = startScriptedDns(namespace, ["8.8.8.8"], () => ({}));
    script = { dns, namespace };
    await serve("\n", { config: "fallbackUpstreams: [docker]\n" });
    expect(await findings(eleven, "public-fallback")).toMatchObject([
      { severity: "warning", evidence: { users: ["eleven"], isReachable: true } },
    ]);
  });
});
