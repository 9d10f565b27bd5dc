import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExplainReport } from "../../src/api/control.ts";
import { type Engine, engineMissing, startEngine } from "../support/engine.ts";
import { end } from "../support/world.ts";

const reason = engineMissing();
const BIN = fileURLToPath(new URL("../../bin/eleven", import.meta.url));

describe.skipIf(reason)(`explain on a Docker host${reason === undefined ? "" : ` (${reason})`}`, () => {
  let engine: Engine;
  let socket: string;
  let daemon: ChildProcess | undefined;

  beforeAll(async () => {
    engine = await startEngine();
    socket = join(engine.folder, "eleven.sock");
    await engine.docker("network", "create", "--subnet", "10.77.0.0/24", "shop");
    const run = (name: string, ip: string, ...rest: string[]) =>
      engine.docker("run", "-d", "--name", name, "--network", "shop", "--ip", ip, ...rest, "bb:1");
    await run("client", "10.77.0.9", "--dns-search", "corp.example", "--dns-option", "ndots:1");
    await run("armory-old", "10.77.0.155", "--network-alias", "armory");
    daemon = engine.spawn(process.execPath, [BIN, "serve", "--socket", socket], {
      DOCKER_HOST: engine.host,
    });
    await once(daemon.stdout!, "data");
    await run("armory-new", "10.77.0.146", "--network-alias", "armory");
    await engine.docker("rm", "-f", "armory-old");
    await run("armory-old", "10.77.0.155");
    while ((await explain("armory.", "--from", "client")).answers.length !== 1);
  });

  afterAll(async () => {
    if (daemon !== undefined) await end(daemon, "SIGTERM");
    await engine?.destroy();
  });

  async function explain(...args: string[]): Promise<ExplainReport> {
    const { stdout } = await engine.enter(process.execPath, [
      BIN,
      "explain",
      ...args,
      "--json",
      "--socket",
      socket,
    ]);
    return JSON.parse(stdout);
  }

  test("the container's own resolv.conf is what counts", async () => {
    const { steps } = await explain("armory", "--from", "client");
    expect(steps[0]).toMatchObject({
      decision: "goes by its resolv.conf",
      detail: { nameservers: ["127.0.0.11"], search: ["corp.example"], ndots: 1 },
    });
    const asked = steps.filter(({ decision }) => decision === "asks").map(({ detail }) => detail.name);
    expect(asked).toEqual(["armory.corp.example.", "armory."]);
    expect(steps.map(({ decision }) => decision)).toContain(
      "127.0.0.11 is not ours: what follows is what it will be told when it is",
    );
  });

  test("whose 10.77.0.155 is, since when, and that it is no longer under the alias, and why", async () => {
    const { steps } = await explain("10.77.0.155");
    expect(steps.at(-1)).toMatchObject({
      decision: "10.77.0.155 belongs to armory-old",
      detail: {
        owners: [{ container: "armory-old", network: "shop", cause: expect.stringMatching(/^docker/) }],
        removed: expect.arrayContaining([
          expect.objectContaining({
            name: "armory",
            container: "armory-old",
            // Engine 20.10 tells of the end first, 26 and 28 of the network.
            cause: expect.stringMatching(/^docker event: (die armory-old|network disconnect shop)$/),
            heldNowBy: ["armory-old"],
          }),
        ]),
      },
    });
  });
});
