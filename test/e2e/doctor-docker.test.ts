import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDnsmasq } from "../support/dnsmasq.ts";
import { doctor, findings } from "../support/doctor.ts";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { type Engine, engineMissing, startEngine, until } from "../support/engine.ts";
import { engineHost } from "../support/engine-host.ts";

const reason = engineMissing("dnsmasq");

/** On the host's loopback, and reached by containers through their gateway. */
const FIRST = "10.88.0.1";
const SECOND = "10.88.0.2";

describe.skipIf(reason)(`doctor and a real engine${reason === undefined ? "" : ` (${reason})`}`, () => {
  let engine: Engine;
  let eleven: Eleven;

  beforeAll(async () => {
    engine = await startEngine({ resolvConf: `nameserver ${FIRST}\n` });
    const world = engineHost(engine);
    for (const address of [FIRST, SECOND])
      await world.host.run("ip", ["address", "add", `${address}/32`, "dev", "lo"]);
    await startDnsmasq(world.host, { listen: [FIRST, SECOND], args: [] });
    await engine.docker("network", "create", "shop");
    const run = (...args: string[]) => engine.docker("run", "--detach", ...args, "bb:1");
    await run("--name", "web-1", "--network", "shop", "--network-alias", "web");
    await run("--name", "web-2", "--network", "shop", "--network-alias", "web", "--hostname", "shop-window");
    await run("--name", "plain");
    await run("--name", "own", "--network", "shop", "--dns", SECOND);
    await run("--name", "sharing", "--network", "container:web-1");
    // It can't ask the host's servers, which its resolv.conf has, and does not want to.
    await run("--name", "lonely", "--network", "none");
    eleven = await startEleven(
      world,
      `listen: []\nsources: [{ docker: ${engine.host} }]\nresolvConf: ${engine.folder}/resolv.conf\n`,
    );
  });

  afterAll(async () => {
    await eleven?.stop();
    await engine?.destroy();
  });

  test("nothing is found where all is well, attached or not", async () => {
    const before = await doctor(eleven);
    expect(before.findings).toEqual([]);
    expect(before.status).toBe(0);
    // Five namespaces; the sixth container lives in one of them.
    expect(before.entered).toBe(5);
    await eleven.attach("web-1");
    expect((await doctor(eleven)).findings).toEqual([]);
    await eleven.command("detach", "web-1");
  });

  test("a service of two Compose projects in one network is a collision, two containers of one project are none", async () => {
    const db = (name: string, project: string) =>
      engine.docker(
        ...["run", "--detach", "--name", name, "--network", "shop", "--network-alias", "db"],
        ...["--label", `com.docker.compose.project=${project}`, "bb:1"],
      );
    const known = (count: number) =>
      until("the source has heard of them", async () => {
        const { value } = await eleven.json<readonly { addresses: readonly string[] }[]>("records", "db");
        return value.filter(({ addresses }) => addresses.length > 0).length === count;
      });
    await db("blog-db-1", "blog");
    await db("blog-db-2", "blog");
    await known(2);
    expect(await findings(eleven, "name-collision")).toEqual([]);
    await db("wiki-db-1", "wiki");
    await known(3);
    expect(await findings(eleven, "name-collision")).toMatchObject([
      {
        severity: "warning",
        subject: "db in network shop",
        text: expect.stringContaining("blog-db-1 of blog and blog-db-2 of blog and wiki-db-1 of wiki"),
        evidence: {
          holders: [
            { container: "blog-db-1", project: "blog", kind: "alias" },
            { container: "blog-db-2", project: "blog", kind: "alias" },
            { container: "wiki-db-1", project: "wiki", kind: "alias" },
          ],
        },
      },
    ]);
    await engine.docker("rm", "--force", "blog-db-1", "blog-db-2", "wiki-db-1");
    await known(0);
    expect(await findings(eleven, "name-collision")).toEqual([]);
  });

  test("containers that started before the host's file changed ask frozen servers; the others don't", async () => {
    engine.setResolvConf(`nameserver ${SECOND}\n`);
    await engine.docker("run", "--detach", "--name", "late", "--network", "shop", "bb:1");
    const frozen = await findings(eleven, "upstream-frozen");
    expect(frozen.flatMap(({ evidence }) => evidence.containers as string[]).sort()).toEqual([
      "plain",
      "web-1",
      "web-2",
    ]);
    expect(frozen).toMatchObject(frozen.map(() => ({ evidence: { servers: [FIRST], today: [SECOND] } })));
    engine.setResolvConf(`nameserver ${FIRST}\n`);
    await engine.docker("rm", "--force", "late");
  });

  test("a container that started while the host named nobody asks Google, and in vain", async () => {
    engine.setResolvConf("\n");
    await engine.docker("run", "--detach", "--name", "lost", "bb:1");
    await engine.docker("run", "--detach", "--name", "stray", "--network", "shop", "bb:1");
    engine.setResolvConf(`nameserver ${FIRST}\n`);
    await until("the source has heard of them", async () => {
      const { value } = await eleven.json<readonly { containers: readonly string[] }[]>("records");
      return JSON.stringify(value).includes("stray");
    });
    const report = await doctor(eleven);
    const [fallback, ...more] = report.findings.filter(({ code }) => code === "public-fallback");
    expect(more).toEqual([]);
    // On a network of the user's, Engine 28 asks nobody then, and says so; 20.10 and 26 ask Google.
    const file = await engine.docker("exec", "stray", "cat", "/etc/resolv.conf");
    const hasNobody = file.includes("NO EXTERNAL NAMESERVERS DEFINED");
    expect(fallback).toMatchObject({
      severity: "error",
      evidence: { users: hasNobody ? ["lost"] : ["lost", "stray"], isReachable: false },
    });
    // Engines that write nothing down show the first server alone: that it is not today's is true in any case.
    const frozen = report.findings.filter(({ code }) => code === "upstream-frozen");
    const old = hasNobody ? ["stray"] : fallback!.evidence.unsure;
    expect(frozen.flatMap(({ evidence }) => evidence.containers)).toEqual(old);
    for (const { text } of frozen)
      expect(text).toContain(hasNobody ? "are sent to nobody, though" : "8.8.8.8");
    await engine.docker("rm", "--force", "lost", "stray");
    expect(await findings(eleven, "public-fallback")).toEqual([]);
  });

  test("a dockerd that is down leaves its containers without names", async () => {
    await engine.kill();
    const silent = await findings(eleven, "engine-resolver-silent");
    expect(silent).toMatchObject([
      { severity: "error", evidence: { containers: expect.arrayContaining(["own", "web-1", "web-2"]) } },
    ]);
    await engine.start();
    await until(
      "the engine answers again",
      async () => (await findings(eleven, "engine-resolver-silent")).length === 0,
    );
  });
});
