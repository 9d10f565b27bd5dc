import { createSocket, type Socket } from "node:dgram";
import dnsPacket from "dns-packet";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Namespace, openNamespace } from "../../src/linux/namespace.ts";
import { serverSockets } from "../../src/linux/sockets.ts";
import { doctor } from "../support/doctor.ts";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { missing } from "../support/requirements.ts";
import { createWorld, type World } from "../support/world.ts";

const COUNT = 200;
/** Of the resolvers, which in Docker have random ones. */
const PORT = 4053;
const BOUND_MS = 10_000;
const reason = missing();

describe.skipIf(reason)(
  `the doctor of ${COUNT} containers${reason === undefined ? "" : ` (${reason})`}`,
  () => {
    let world: World;
    let eleven: Eleven;
    const namespaces: Namespace[] = [];
    const sockets: Socket[] = [];
    const records = new Map<string, string[]>();
    let asked = 0;
    let isMute = false;

    beforeAll(async () => {
      world = createWorld();
      const containers: string[] = [];
      records.set("web", []);
      for (let index = 0; index < COUNT; index++) {
        const { netns } = world.container(`c${index}`, {});
        const address = `10.5.0.${index + 1}`;
        containers.push(
          `  c${index}: { netns: ${netns}, hostname: h${index}, networks: { shop: { ipv4: ${address}, aliases: [a${index}${index < 20 ? ", web" : ""}] } } }`,
        );
        for (const name of [`c${index}`, `h${index}`, `a${index}`]) records.set(name, [address]);
        if (index < 20) records.get("web")!.push(address);
        namespaces.push(openNamespace(netns));
        sockets.push(await resolver(namespaces.at(-1)!));
      }
      world.write("shop.yaml", `networks: { shop: {} }\ncontainers:\n${containers.join("\n")}\n`);
      // A dead server, too: silence takes the longest to find out.
      eleven = await startEleven(
        world,
        "listen: []\nsources: [{ file: shop.yaml }]\nupstreams: [192.0.2.1]\n",
      );
    });

    afterAll(async () => {
      await eleven?.stop();
      for (const socket of sockets) socket.close();
      for (const namespace of namespaces) namespace.close();
      await world?.destroy();
    });

    /** One of the engine's resolvers; all are in this process, as Docker's are in dockerd. */
    async function resolver(namespace: Namespace): Promise<Socket> {
      const { udp } = serverSockets(namespace, { address: "127.0.0.11", port: PORT });
      const socket = createSocket("udp4");
      socket.on("message", (octets, { port, address }) => {
        asked += 1;
        if (isMute) return;
        const { id, questions = [] } = dnsPacket.decode(octets);
        const [{ name, type }] = questions as [dnsPacket.Question];
        const known = records.get(name.toLowerCase());
        const answers =
          type === "A" ? (known ?? []).map((data) => ({ type: "A" as const, name, ttl: 600, data })) : [];
        const flags = dnsPacket.RECURSION_AVAILABLE | (known === undefined ? 3 : 0);
        socket.send(dnsPacket.encode({ type: "response", id, flags, questions, answers }), port, address);
      });
      return new Promise((resolve) => socket.bind({ fd: udp, exclusive: true }, () => resolve(socket)));
    }

    test("takes less than ten seconds, and finds one stale alias among them", async () => {
      const began = performance.now();
      const healthy = await doctor(eleven);
      const ms = performance.now() - began;
      const questions = asked;
      expect(healthy.entered).toBe(COUNT);
      expect(healthy.findings.filter(({ code }) => code.endsWith("-alias"))).toEqual([]);
      expect(healthy.checks.filter(({ reason }) => reason?.includes("could not be finished"))).toEqual([]);

      records.set("a77", ["10.5.0.78", "10.5.0.99"]);
      const { findings } = await doctor(eleven);
      expect(findings.filter(({ code }) => code === "stale-alias")).toMatchObject([
        { subject: "a77 in network shop", evidence: { address: "10.5.0.99", heldNowBy: "c98" } },
      ]);
      process.stdout.write(
        `doctor of ${COUNT} containers: ${(ms / 1000).toFixed(2)} s with the command's own start ` +
          `(${healthy.ms} ms in the daemon), ${questions} questions to their resolvers\n`,
      );
      expect(ms).toBeLessThan(BOUND_MS);
    });

    test("takes no longer where every one of their resolvers is silent, which is one finding", async () => {
      isMute = true;
      const began = performance.now();
      const { findings, checks } = await doctor(eleven);
      const ms = performance.now() - began;
      expect(findings.filter(({ code }) => code === "engine-resolver-silent")).toMatchObject([
        { subject: `c0, c1, c10 and ${COUNT - 3} others` },
      ]);
      expect(checks.filter(({ reason }) => reason?.includes("could not be finished"))).toEqual([]);
      process.stdout.write(`doctor of ${COUNT} silent resolvers: ${(ms / 1000).toFixed(2)} s\n`);
      expect(ms).toBeLessThan(BOUND_MS);
    });
  },
);
