import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { missing } from "../support/requirements.ts";
import { createWorld, type Node, type World } from "../support/world.ts";

const COUNT = 200;
const reason = missing("dig");

describe.skipIf(reason)(
  `${COUNT} containers in one process${reason === undefined ? "" : ` (${reason})`}`,
  () => {
    let world: World;
    let eleven: Eleven;
    const nodes: Node[] = [];

    beforeAll(() => {
      world = createWorld();
      for (let index = 0; index < COUNT; index++) nodes.push(world.container(`c${index}`, {}));
      world.write("shop.yaml", shop());
    });

    afterAll(async () => {
      await eleven?.stop("SIGKILL");
      await world?.destroy();
    });

    function shop(): string {
      const container = ({ netns }: Node, index: number): string =>
        `  c${index}: { netns: ${netns}, networks: { shop: { ipv4: 10.5.0.${index + 1}, aliases: [web] } } }\n`;
      return `networks: { shop: {} }\ncontainers:\n${nodes.map(container).join("")}`;
    }

    /** Resident MiB and open descriptors of the daemon. */
    function weigh(pid: number): { mib: number; descriptors: number } {
      const [, kib] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
      return { mib: Math.round(Number(kib) / 1024), descriptors: readdirSync(`/proc/${pid}/fd`).length };
    }

    test("are attached, answer over UDP and TCP, and are let go of without a trace", async () => {
      eleven = await startEleven(
        world,
        "listen: []\nsources: [{ file: shop.yaml }]\nattach: none\nupstreams: []\n",
      );
      const { pid } = await eleven.status();
      const before = weigh(pid);
      const begin = performance.now();
      const report = await eleven.attach(...nodes.map((_, index) => `c${index}`));
      const seconds = (performance.now() - begin) / 1000;
      expect(report.failed).toEqual([]);
      expect((await eleven.status()).attached).toHaveLength(COUNT);
      const attached = weigh(pid);

      for (const [index, { netns }] of nodes.entries()) {
        const dig = (...args: string[]) =>
          execFileSync("nsenter", [`--net=${netns}`, "dig", "@127.0.0.11", "+short", "+tries=1", ...args], {
            encoding: "utf8",
          });
        expect(dig(`c${index}`).trim()).toBe(`10.5.0.${index + 1}`);
        if (index % 20 === 0) expect(dig("+tcp", "web").trim().split("\n")).toHaveLength(COUNT);
      }
      const asked = weigh(pid);

      expect((await eleven.json("detach", ...nodes.map((_, index) => `c${index}`))).status).toBe(0);
      while (weigh(pid).descriptors > before.descriptors + 1) await eleven.status();
      process.stdout.write(
        `${COUNT} containers attached in ${seconds.toFixed(2)} s (with the command's own start), ` +
          `${before.mib} -> ${attached.mib} MiB (${asked.mib} after being asked), ` +
          `${before.descriptors} -> ${attached.descriptors} descriptors\n`,
      );
    }, 120_000);

    test("are attached by a daemon that is started while the kernel takes a killed one apart", async () => {
      const config = "listen: []\nsources: [{ file: shop.yaml }]\nattach: all\nupstreams: []\n";
      const areAttached = () =>
        expect.poll(async () => (await eleven.status()).attached.length, { timeout: 30_000 }).toBe(COUNT);
      await eleven.stop();
      eleven = await startEleven(world, config);
      await areAttached();
      const killed = eleven.process;
      killed.kill("SIGKILL");
      eleven = await startEleven(world, config);
      expect(killed.signalCode).toBe("SIGKILL");
      await areAttached();
    }, 120_000);
  },
);
