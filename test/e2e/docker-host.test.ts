import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Engine, engineMissing, startEngine } from "../support/engine.ts";
import { end } from "../support/world.ts";

const reason = engineMissing("dig", "dnsmasq");
const BIN = fileURLToPath(new URL("../../bin/eleven", import.meta.url));

describe.skipIf(reason)(`a Docker host${reason === undefined ? "" : ` (${reason})`}`, () => {
  let engine: Engine;
  let socket: string;

  beforeAll(async () => {
    engine = await startEngine();
    socket = join(engine.folder, "eleven.sock");
    await engine.docker("network", "create", "--subnet", "10.50.0.0/24", "shop");
    await engine.docker("run", "-d", "--name", "web", "--network", "shop", "--ip", "10.50.0.7", "bb:1");
  });

  afterAll(async () => {
    await engine?.destroy();
  });

  const eleven = (...args: string[]) => engine.enter(process.execPath, [BIN, ...args, "--socket", socket]);
  const dig = async (...args: string[]) =>
    (await engine.enter("dig", ["+short", "+tries=1", "+timeout=2", ...args])).stdout.trim();

  test("serve finds the engine, attaches nothing, says how to, and answers the host", async () => {
    const daemon = engine.spawn(process.execPath, [BIN, "serve", "--socket", socket], {
      DOCKER_HOST: engine.host,
    });
    const [banner] = (await once(daemon.stdout!, "data")) as [Buffer];
    expect(String(banner)).toMatch(/serves 1 containers? from docker/);
    expect(String(banner)).toMatch(/attached\s+no container/);
    expect(String(banner)).toMatch(/eleven attach web/);
    const status = JSON.parse((await eleven("status", "--json")).stdout);
    expect(status).toMatchObject({
      ready: true,
      attached: [],
      sources: [{ kind: "docker", state: "synced" }],
    });
    expect(await dig("@127.0.0.1", "-p", "5311", "web.shop")).toBe("10.50.0.7");
    expect(
      (await engine.nsenter("web", "dig", ["@127.0.0.11", "+noall", "+answer", "web"])).stdout,
    ).toContain("600");

    // A real dnsmasq with the drop-in as it is printed sends the suffix here, and nothing else.
    const { stdout } = await eleven("resolved", "--for", "networkmanager", "--json");
    const { text } = JSON.parse(stdout);
    const dropIn = join(engine.folder, "eleven.conf");
    writeFileSync(dropIn, `${text}listen-address=127.0.0.53\nbind-interfaces\nno-resolv\nno-hosts\n`);
    const dnsmasq = engine.spawn("dnsmasq", ["--keep-in-foreground", "--no-daemon", `--conf-file=${dropIn}`]);
    await once(dnsmasq.stderr!, "data");
    expect(await dig("@127.0.0.53", "web.shop.docker")).toBe("10.50.0.7");
    expect(await dig("@127.0.0.53", "WEB.docker")).toBe("10.50.0.7");
    expect((await engine.enter("dig", ["@127.0.0.53", "nobody.docker"])).stdout).toContain("NXDOMAIN");
    await end(dnsmasq);
    expect(await end(daemon, "SIGTERM")).toBe(0);
  });

  test.each([
    [["--for", "systemd-resolved"], "ExecStart=resolvectl dns eleven-names 127.0.0.1:5311\n"],
    [["--for", "systemd-resolved"], "ExecStart=resolvectl domain eleven-names ~docker\n"],
    [["--for", "networkmanager"], "server=/docker/127.0.0.1#5311\n"],
  ])("resolved %j prints %j", async (args, text) => {
    const ran = await eleven("resolved", ...args, "--json");
    expect(JSON.parse(ran.stdout).text).toContain(text);
  });

  test("resolved makes eleven no server for all names of the host", async () => {
    const { text } = JSON.parse((await eleven("resolved", "--json")).stdout);
    expect(text).toContain("ExecStart=resolvectl default-route eleven-names no\n");
    expect(text).not.toMatch(/^DNS=/m);
  });

  test("resolved says what resolv.conf can't do", async () => {
    const ran = await eleven("resolved", "--for", "resolv.conf");
    expect(ran.status).toBe(2);
    expect(ran.stderr).toMatch(/port 53.*\n\s+remedy: .*127\.0\.0\.1:53/);
  });
});
