import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { type Engine, engineMissing, startEngine, until } from "../support/engine.ts";
import { engineHost } from "../support/engine-host.ts";
import { type Sshd, sshdMissing, startSshd } from "../support/sshd.ts";

const reason = engineMissing() ?? sshdMissing();

describe.skipIf(reason)(`an engine behind ssh${reason === undefined ? "" : ` (${reason})`}`, () => {
  let engine: Engine;
  let sshd: Sshd;
  let eleven: Eleven;

  beforeAll(async () => {
    engine = await startEngine();
    sshd = await startSshd(engine);
    await engine.docker("network", "create", "shop");
    await run("web-1");
    await run("web-2");
    eleven = await serve("ssh://far");
  });

  afterAll(async () => {
    await eleven?.stop();
    await engine?.destroy();
  });

  const run = (name: string) =>
    engine.docker("run", "-d", "--name", name, "--network=shop", "--network-alias=web", "bb:1");

  const serve = (host: string) =>
    startEleven(engineHost(engine), "listen: []\nsources: [{ docker: true }]\n", { DOCKER_HOST: host });

  const source = async () => (await eleven.status()).sources[0]!;

  async function addresses(): Promise<string[]> {
    const records = await eleven.records("web");
    return records.flatMap((record) => record.addresses).sort();
  }

  /** By the engine's own list. */
  async function wanted(): Promise<string[]> {
    const ids = await engine.docker("ps", "--quiet");
    const format = "{{.NetworkSettings.Networks.shop.IPAddress}}";
    return (await engine.docker("inspect", "--format", format, ...ids.split("\n"))).split("\n").sort();
  }

  const isFollowed = () => until("it is followed", async () => (await source()).state === "synced");

  async function settled(): Promise<void> {
    const now = await wanted();
    await until("it has what the engine has", async () => String(await addresses()) === String(now));
  }

  test("is followed with the keys, hosts and settings that ssh has here", async () => {
    expect(await source()).toMatchObject({ state: "synced", engine: expect.stringMatching(/^Docker \d/) });
    expect(await addresses()).toEqual(await wanted());
    await run("web-3");
    await settled();
    expect((await eleven.history("web-3")).map(({ cause }) => cause)).toContainEqual(
      expect.stringMatching(/^docker event: /),
    );
  });

  test("is not logged in to for each question", async () => {
    const before = sshd.accepted;
    for (const name of ["web-1", "web-2", "web-3"]) await engine.docker("restart", name);
    await settled();
    expect(sshd.accepted - before).toBeLessThan(6);
    expect(sshd.accepted).toBeLessThan(10);
  });

  test("is followed again when its connections were cut", async () => {
    const before = sshd.accepted;
    sshd.cut();
    await engine.docker("rm", "--force", "web-3");
    await settled();
    await isFollowed();
    expect(sshd.accepted).toBeGreaterThan(before);
    expect(eleven.log()).toContain("the stream of events was cut");
  });

  test("is away while nobody gets in, and says why", async () => {
    const before = await addresses();
    await sshd.stop();
    await until("it says so", async () => /Connection refused/.test((await source()).error ?? ""));
    expect(await source()).toMatchObject({ state: "away", error: expect.stringMatching(/^ssh to far: /) });
    expect(await addresses()).toEqual(before);
    for (const record of await eleven.records()) expect(record.verified).toBe(false);
    await run("web-4");
    await sshd.start();
    await isFollowed();
    await settled();
  });

  test("is reached at the socket that the URL names", async () => {
    await eleven.stop();
    await engine.enter("rm", ["/var/run/docker.sock"]);
    eleven = await serve(`ssh://root@far:22${engine.socket}`);
    expect(await addresses()).toEqual(await wanted());
  });

  test("is not spoken to where ssh does not know the host's key", async () => {
    const config = `socket: ${eleven.socket}\nlisten: []\nsources: [{ docker: ssh://stranger }]\n`;
    engineHost(engine).write("eleven.yaml", config);
    eleven.process.kill("SIGHUP");
    const failure = "ssh to stranger: Host key verification failed.";
    await until("it says so", async () => (await source()).error === failure);
  });
});
