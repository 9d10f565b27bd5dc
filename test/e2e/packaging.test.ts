import { execFileSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type Engine, engineMissing, glibcRoot, startEngine, until } from "../support/engine.ts";
import { end } from "../support/world.ts";

const reason = engineMissing("setpriv", "dig", "tar");
const root = fileURLToPath(new URL("../../", import.meta.url));
const packaging = join(root, "packaging");
const dockerfile = join(packaging, "Dockerfile");

interface Service {
  readonly pid: string;
  readonly network_mode: string;
  readonly cap_drop: readonly string[];
  readonly cap_add: readonly string[];
  readonly security_opt: readonly string[];
  readonly read_only: boolean;
  readonly tmpfs: readonly string[];
  readonly volumes: readonly string[];
  readonly ulimits: Readonly<Record<string, number>>;
  readonly cpu_shares: number;
  readonly restart: string;
}

describe.skipIf(reason)(`packaging${reason === undefined ? "" : ` (${reason})`}`, () => {
  let engine: Engine;

  beforeAll(async () => {
    engine = await startEngine();
    await engine.docker("network", "create", "shop");
    await engine.docker("run", "-d", "--name", "web", "--network", "shop", "--network-alias", "www", "bb:1");
    await engine.docker("run", "-d", "--name", "db", "--network", "shop", "--user", "1000", "bb:1");
    await engine.docker("run", "-d", "--name", "guest", "--network", "container:db", "bb:1");
    // As every namespace is before Docker leaves low ports to all.
    const closed = "--sysctl=net.ipv4.ip_unprivileged_port_start=1024";
    await engine.docker("run", "-d", "--name", "closed", "--network", "shop", closed, "bb:1");
  });

  afterAll(async () => {
    await engine?.destroy();
  });

  const dig = async (name: string) =>
    (await engine.nsenter("db", "dig", ["@127.0.0.11", "+tries=1", "+timeout=2", name])).stdout;

  test("the capabilities of the systemd unit suffice to attach a container, and each is needed", async () => {
    const unit = readFileSync(join(packaging, "eleven.service"), "utf8");
    const [, names = ""] = /^CapabilityBoundingSet=(.*)$/m.exec(unit) ?? [];
    const capabilities = names.split(" ").map((name) => name.replace("CAP_", "").toLowerCase());
    expect(capabilities).toEqual(["sys_admin", "net_admin", "net_bind_service"]);
    expect(await attachedWith(capabilities)).toEqual(["closed", "db", "guest", "web"]);
    for (const one of capabilities) {
      expect(await attachedWith(capabilities.filter((each) => each !== one)), `without ${one}`).not.toContain(
        "closed",
      );
    }
  }, 120_000);

  /** Whom a daemon with these capabilities can attach. */
  async function attachedWith(capabilities: readonly string[]): Promise<string[]> {
    const socket = join(engine.folder, "capabilities.sock");
    const config = join(engine.folder, "capabilities.yaml");
    execFileSync("sh", [
      "-c",
      `printf 'socket: %s\\nlisten: []\\nsources: [{ docker: %s }]\\nattach: none\\n' "$1" "$2" >"$3"`,
      "sh",
      socket,
      engine.socket,
      config,
    ]);
    const set = ["-all", ...capabilities.map((name) => `+${name}`)].join(",");
    const bin = join(root, "bin", "eleven");
    const daemon = engine.spawn("setpriv", [
      "--bounding-set",
      set,
      process.execPath,
      bin,
      "serve",
      "--config",
      config,
    ]);
    const eleven = (...args: string[]) => engine.enter(process.execPath, [bin, ...args, "--socket", socket]);
    await eleven("status", "--wait", "10");
    const { stdout } = await eleven("attach", "closed", "db", "guest", "web", "--json");
    await end(daemon, "SIGTERM");
    return JSON.parse(stdout).done.sort();
  }

  test("the container of compose.yaml serves, attaches, from the first query too, and hands back when it is killed", async ({
    skip,
  }) => {
    await buildImage(skip);
    const config = join(engine.folder, "eleven.yaml");
    cpSync(join(packaging, "eleven.yaml"), config);
    const { eleven } = (
      parse(readFileSync(join(packaging, "compose.yaml"), "utf8")) as { services: { eleven: Service } }
    ).services;
    const flags = [
      ...["--pid", eleven.pid, "--network", eleven.network_mode],
      ...eleven.cap_drop.flatMap((name) => ["--cap-drop", name]),
      ...eleven.cap_add.flatMap((name) => ["--cap-add", name]),
      ...eleven.security_opt.flatMap((option) => ["--security-opt", option]),
      ...(eleven.read_only ? ["--read-only"] : []),
      ...eleven.tmpfs.flatMap((path) => ["--tmpfs", path]),
      ...eleven.volumes.flatMap((volume) => ["--volume", placed(volume)]),
      ...Object.entries(eleven.ulimits).flatMap(([name, value]) => ["--ulimit", `${name}=${value}`]),
      ...["--cpu-shares", String(eleven.cpu_shares), "--restart", eleven.restart],
      // Not oom_score_adj: for a negative one the engine needs CAP_SYS_RESOURCE, which not every test machine gives.
    ];
    await engine.docker("run", "-d", "--name", "eleven", ...flags, "eleven");
    const inside = (...args: string[]) => engine.docker("exec", "eleven", "/opt/eleven/bin/eleven", ...args);
    await inside("status", "--wait", "10").catch(async () => {
      throw new Error(`eleven is not ready: ${await log()}`);
    });
    const limits = readFileSync(`/proc/${await engine.pidOf("eleven")}/limits`, "utf8");
    expect(limits, "no core is made, see the unit").toMatch(/^Max core file size +1 +1 /m);
    expect(await dig("www")).toMatch(/\s600\s+IN\s+A/);
    expect(JSON.parse(await inside("attach", "db", "web", "--json"))).toEqual({
      done: ["db", "web"],
      failed: [],
    });
    expect(await dig("www")).toMatch(/\s5\s+IN\s+A/);

    writeFileSync(config, readFileSync(config, "utf8").replace("attach: none", "attach: all"));
    await engine.docker("kill", "--signal=HUP", "eleven");
    await until("it has read its configuration anew", async () => (await log()).includes('"reloaded"'));
    for (let round = 0; round < 5; round++) expect(await firstAnswer(), await log()).toContain("172.");

    await engine.docker("kill", "eleven");
    expect(await dig("www")).toMatch(/\s600\s+IN\s+A/);
  }, 120_000);

  async function log(): Promise<string> {
    const { stdout, stderr } = await engine.enter("docker", ["--host", engine.host, "logs", "eleven"]);
    return stdout + stderr;
  }

  /** What a new container is told first, of a name that Docker does not know in capitals, and nobody else at all. */
  function firstAnswer(): Promise<string> {
    const options = ["--network=shop", "--dns-opt=timeout:1", "--dns-opt=attempts:1"];
    const script = "getent ahostsv4 www.SHOP || echo nobody";
    return engine.docker("run", "--rm", ...options, "glibc:1", "sh", "-c", script);
  }

  /** A volume of compose.yaml as it is on this engine's host. */
  function placed(volume: string): string {
    return volume
      .replace(/^\/var\/run\/docker\.sock/, engine.socket)
      .replaceAll("/var/run/docker/netns", join(engine.folder, "exec", "netns"))
      .replace(/^\.\//, `${engine.folder}/`);
  }

  /** By the Dockerfile, on a base that we make ourselves, and without a network: there is no registry to ask. */
  async function buildImage(skip: (note: string) => void): Promise<void> {
    const [, base = ""] = /^FROM (\S+)$/m.exec(readFileSync(dockerfile, "utf8")) ?? [];
    const rootfs = baseRoot();
    const tar = join(engine.folder, "base.tar");
    execFileSync("tar", ["-C", rootfs, "-cf", tar, "."]);
    const settings = ["npm_config_offline=true", "npm_config_cache=/npm", "npm_config_update_notifier=false"];
    await engine.docker("import", ...settings.flatMap((one) => ["--change", `ENV ${one}`]), tar, base);
    rmSync(rootfs, { recursive: true });
    rmSync(tar);
    const build = ["--host", engine.host, "build", "--file", dockerfile, "--tag", "eleven", root];
    const ran = await engine.enter("docker", build, { timeoutMs: 90_000 });
    const said = ran.stdout + ran.stderr;
    if (said.includes("ENOTCACHED"))
      skip("npm's cache on this machine has not all packages; npm ci fetches them");
    if (ran.status !== 0) throw new Error(`docker build: ${said}`);
  }

  /** This machine's node and npm, with what npm has fetched to this machine before. */
  function baseRoot(): string {
    const rootfs = glibcRoot(engine.folder);
    const put = (from: string, to = from) => {
      mkdirSync(dirname(join(rootfs, to)), { recursive: true });
      cpSync(from, join(rootfs, to), { dereference: true, recursive: true });
    };
    for (const path of librariesOf(process.execPath, ...nativeModules())) put(path);
    put(process.execPath, "/usr/bin/node");
    put("/usr/bin/env");
    const cli = realpathSync(execFileSync("which", ["npm"], { encoding: "utf8" }).trim());
    put(dirname(dirname(cli)), "/usr/lib/node_modules/npm");
    symlinkSync("../lib/node_modules/npm/bin/npm-cli.js", join(rootfs, "usr", "bin", "npm"));
    put(
      join(execFileSync("npm", ["config", "get", "cache"], { encoding: "utf8" }).trim(), "_cacache"),
      "/npm/_cacache",
    );
    return rootfs;
  }
});

/** Of packages that this machine's npm has installed, as it does in the image. */
function nativeModules(): string[] {
  const folder = join(root, "node_modules");
  const files = readdirSync(folder, { recursive: true, encoding: "utf8" });
  return files.filter((path) => path.endsWith(".node")).map((path) => join(folder, path));
}

function librariesOf(...programs: readonly string[]): Set<string> {
  const linked = execFileSync("ldd", programs, { encoding: "utf8" });
  return new Set([...linked.matchAll(/(\/\S+\.so\S*) \(0x/g)].map(([, path]) => path!));
}
