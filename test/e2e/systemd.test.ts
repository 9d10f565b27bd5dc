import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { StatusReport } from "../../src/api/control.ts";
import { COMMAND, engineMissing, glibcRoot, until } from "../support/engine.ts";
import { bootSystemd, type Machine, systemdMissing } from "../support/systemd.ts";

const reason = engineMissing("dig") ?? systemdMissing();
const root = fileURLToPath(new URL("../../", import.meta.url));
const ELEVEN = "/opt/eleven/bin/eleven";
/** What is answered by Docker, and what by us, is told apart by the time that it may be kept. */
const [DOCKERS, OURS] = [/\s600\s+IN\s+A/, /\s5\s+IN\s+A/];

describe.skipIf(reason)(`eleven.service${reason === undefined ? "" : ` (${reason})`}`, () => {
  let folder: string;
  let machine: Machine;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "eleven-unit-"));
    machine = await bootSystemd({
      units: ["docker.service", "eleven.service"],
      mounts: {
        "/opt/eleven": root,
        "/usr/local/bin/node": process.execPath,
        "/opt/image": glibcRoot(folder),
        "/etc/systemd/system/eleven.service": join(root, "packaging", "eleven.service"),
      },
      prepare: `
        mkdir -p /etc/eleven /etc/docker
        echo '{ "exec-opts": ["native.cgroupdriver=cgroupfs"] }' >/etc/docker/daemon.json
        echo '{ sources: [docker: /var/run/docker.sock], attach: [web, db] }' >/etc/eleven/eleven.yaml
      `,
    });
    await run("sh", "-c", 'tar -C /opt/image -c . | docker import -c "$0" - glibc:1', `CMD ${COMMAND}`);
    await run("docker", "network", "create", "shop");
    await run(
      "docker",
      "run",
      "-d",
      "--name",
      "web",
      "--network",
      "shop",
      "--network-alias",
      "www",
      "glibc:1",
    );
    await run("docker", "run", "-d", "--name", "db", "--network", "shop", "--user", "1000", "glibc:1");
  });

  afterAll(async () => {
    await machine?.destroy();
    rmSync(folder, { recursive: true, force: true });
  });

  /** What a program in there writes. */
  async function run(command: string, ...args: readonly string[]): Promise<string> {
    const { status, stdout, stderr } = await machine.enter(command, args);
    if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
    return stdout.trim();
  }

  const systemctl = (...args: readonly string[]) => run("systemctl", ...args);
  const property = (name: string, unit = "eleven.service") => systemctl("show", "--value", `-p${name}`, unit);
  const status = async () =>
    JSON.parse(await run(ELEVEN, "status", "--wait", "10", "--json")) as StatusReport;

  async function dig(): Promise<string> {
    const pid = await run("docker", "inspect", "--format", "{{.State.Pid}}", "db");
    return run("nsenter", `--target=${pid}`, "--net", "dig", "@127.0.0.11", "+tries=1", "+timeout=2", "www");
  }

  /** Waits until all of them are, and no other. */
  const untilAttached = (...containers: readonly string[]) =>
    until(`${containers.join(", ")} are attached`, async () => {
      const { attached } = await status();
      return attached.toSorted().join() === containers.join();
    });

  test("it starts before the engine, and attaches what is started", async () => {
    const started = async (unit: string) => Number(await property("ExecMainStartTimestampMonotonic", unit));
    expect(await started("eleven.service")).toBeLessThan(await started("docker.service"));
    await untilAttached("db", "web");
    expect(await dig()).toMatch(OURS);
  });

  test("what it tells to try can be typed anywhere", async () => {
    expect(await run("journalctl", "--unit=eleven.service")).toMatch(
      / {8}\/opt\/eleven\/bin\/eleven (status|query)\b/,
    );
  });

  test("it runs with what the unit grants, and no more", async () => {
    const seen = await run("cat", `/proc/${await property("MainPID")}/status`);
    const [CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_SYS_ADMIN] = [1n << 10n, 1n << 12n, 1n << 21n];
    const [, effective] = /^CapEff:\s+(\w+)$/m.exec(seen) ?? [];
    expect(BigInt(`0x${effective}`)).toBe(CAP_NET_BIND_SERVICE | CAP_NET_ADMIN | CAP_SYS_ADMIN);
    const limits = await run("cat", `/proc/${await property("MainPID")}/limits`);
    expect(limits, "no core is made, see the unit").toMatch(/^Max core file size +1 +1 /m);
    expect(seen).toMatch(/^NoNewPrivs:\s+1$/m);
    expect(seen).toMatch(/^Seccomp:\s+2$/m);
    const log = await run("journalctl", "--output=cat", "--unit=eleven.service");
    expect(log, "something was refused, and it did without").not.toMatch(/"level":[456]0/);
  });

  test("a reload reads the configuration anew, and keeps the process", async () => {
    await run("docker", "run", "-d", "--name", "later", "--network", "shop", "glibc:1");
    const pid = await property("MainPID");
    await run("sed", "-i", "s/attach: .*]/attach: all/", "/etc/eleven/eleven.yaml");
    await systemctl("reload", "eleven.service");
    await untilAttached("db", "later", "web");
    expect(await property("MainPID")).toBe(pid);
  });

  test("a container that starts is attached before it asks", async () => {
    // Docker does not know the name in capitals, and nobody else knows it at all.
    const options = ["--network=shop", "--dns-opt=timeout:1", "--dns-opt=attempts:1"];
    for (let round = 0; round < 5; round++)
      await run("docker", "run", "--rm", ...options, "glibc:1", "getent", "ahostsv4", "www.SHOP");
  });

  test("a restart hands back and takes over again", async () => {
    const pid = await property("MainPID");
    await systemctl("restart", "eleven.service");
    // By whichever of the two.
    expect(await dig()).toContain("status: NOERROR");
    await untilAttached("db", "later", "web");
    expect(await dig()).toMatch(OURS);
    expect(await property("MainPID")).not.toBe(pid);
  });

  test("killed, it hands back at once, and is started again", async () => {
    await systemctl("kill", "--signal=SIGKILL", "eleven.service");
    expect(await dig()).toContain("status: NOERROR");
    await until("it has been started again", async () => (await property("NRestarts")) === "1");
    await untilAttached("db", "later", "web");
    expect(await dig()).toMatch(OURS);
  });

  test("stopped, it ends by itself and in time, and Docker answers", async () => {
    await systemctl("stop", "eleven.service");
    expect(await dig()).toMatch(DOCKERS);
    expect(await property("Result")).toBe("success");
  });
});
