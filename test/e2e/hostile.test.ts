import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { missing } from "../support/requirements.ts";
import { createWorld, type Node, type World } from "../support/world.ts";

const reason = missing("dig");
const support = (file: string): string => fileURLToPath(new URL(`../support/${file}`, import.meta.url));
const corpus = fileURLToPath(new URL("../fixtures/wire/", import.meta.url));

describe.skipIf(reason)(`hostile clients${reason === undefined ? "" : ` (${reason})`}`, () => {
  let world: World;
  let eleven: Eleven;
  let quiet: Node;
  let loud: Node;

  beforeAll(async () => {
    world = createWorld();
    world.bridge("up0", "10.99.0.254/24");
    quiet = world.container("quiet", {});
    loud = world.container("loud", {});
    const upstream = world.container("silent", { up0: ["10.99.0.1/24"] });
    await once(upstream.start(process.execPath, [support("silent.mjs"), "10.99.0.1"]).stdout!, "data");
    world.write(
      "shop.yaml",
      `networks: { shop: {} }
containers:
  quiet: { netns: ${quiet.netns}, networks: { shop: { ipv4: 10.5.0.2 } } }
  loud: { netns: ${loud.netns}, networks: { shop: { ipv4: 10.5.0.3 } } }
`,
    );
    eleven = await startEleven(
      world,
      "listen: []\nsources: [{ file: shop.yaml }]\nattach: all\nupstreams: [10.99.0.1]\n",
    );
  });

  afterAll(async () => {
    await eleven?.stop("SIGKILL");
    await world?.destroy();
  });

  const blast = async (from: Node, count: number, input = "") => {
    const args = [support("blast.mjs"), "127.0.0.11", "53", "quiet", String(count)];
    return JSON.parse((await from.run(process.execPath, args, { input })).stdout);
  };

  /** Every broken message there is, as a hex line. */
  function broken(): string[] {
    return readdirSync(corpus)
      .map((file) => readFileSync(corpus + file, "utf8"))
      .map((text) => text.replace(/#.*$/gm, "").replace(/\s+/g, ""))
      .filter((hex) => hex.length > 0);
  }

  test("broken messages over UDP are answered FORMERR or not at all, and the daemon goes on", async () => {
    const lines = broken();
    expect(lines.length).toBeGreaterThan(30);
    const { pid } = await eleven.status();
    const { rcodes } = await blast(loud, 0, lines.join("\n"));
    // NOERROR, SERVFAIL and BADVERS are for those of the corpus that are odd but valid.
    expect(Object.keys(rcodes).every((rcode) => ["0", "1", "2", "4", "5"].includes(rcode))).toBe(true);
    expect(rcodes["1"]).toBeGreaterThan(10);
    expect((await eleven.status()).pid).toBe(pid);
    expect(eleven.log()).not.toContain('"level":50');
  });

  test("broken messages and frames over TCP end their own connection at the most", async () => {
    const script = `
      const net = require("node:net");
      const lines = require("node:fs").readFileSync(0, "utf8").split("\\n").filter(Boolean);
      const frames = lines.map((line) => Buffer.from(line, "hex"));
      let open = frames.length + 2;
      const done = () => { if (--open === 0) console.log("done"); };
      for (const frame of frames) {
        const socket = net.connect(53, "127.0.0.11");
        const length = Buffer.from([frame.length >> 8, frame.length & 255]);
        socket.on("error", () => {}).on("close", done).resume().end(Buffer.concat([length, frame]));
      }
      // A frame that says more than comes, and one that says nothing.
      net.connect(53, "127.0.0.11").on("error", () => {}).on("close", done).resume().end(Buffer.from([255, 255, 1]));
      net.connect(53, "127.0.0.11").on("error", () => {}).on("close", done).resume().write(Buffer.from([0, 0]));
    `;
    const ran = await loud.run(process.execPath, ["-e", script], { input: broken().join("\n") });
    expect(ran.stdout).toBe("done\n");
    const dig = await quiet.run("dig", ["@127.0.0.11", "+tcp", "+short", "+tries=1", "quiet"]);
    expect(dig.stdout.trim()).toBe("10.5.0.2");
  });

  test("silent and half-open TCP clients do not keep others waiting", async () => {
    const script = `
      const net = require("node:net");
      let open = 0;
      for (let index = 0; index < 300; index++) {
        const socket = net.connect(53, "127.0.0.11", () => {
          if (index % 2) socket.write(Buffer.from([0]));
          if (++open === 300) console.log("open");
        });
        socket.on("error", () => {});
      }
    `;
    const holder = loud.start(process.execPath, ["-e", script]);
    await once(holder.stdout!, "data");
    for (const node of [loud, quiet]) {
      const dig = await node.run("dig", ["@127.0.0.11", "+tcp", "+short", "+tries=1", "+timeout=2", "quiet"]);
      expect(dig.stdout.trim()).toBe("10.5.0.2");
    }
    holder.kill("SIGKILL");
  });

  test("a container that is stopped while its query waits for a silent upstream takes nobody with it", async () => {
    const { pid } = await eleven.status();
    const asked = loud.run("dig", ["@127.0.0.11", "+tries=1", "+timeout=6", "www.example"]);
    while ((await world.host.run("ss", ["-Hnu", "dst", "10.99.0.1"])).stdout === "") {}
    await eleven.json("detach", "loud");
    expect((await asked).stdout).toContain("status: SERVFAIL");
    expect((await eleven.status()).pid).toBe(pid);
    expect((await eleven.json("attach", "loud")).status).toBe(0);
  });

  test("one container's flood of names that nobody resolves does not starve another's registry names", async () => {
    const flood = blast(loud, 5000);
    const answers: string[] = [];
    for (let round = 0; round < 20; round++) {
      const dig = await quiet.run("dig", ["@127.0.0.11", "+short", "+tries=1", "+timeout=2", "loud"]);
      answers.push(dig.stdout.trim());
    }
    expect(answers).toEqual(Array(20).fill("10.5.0.3"));
    const { rcodes } = await flood;
    // 1,024 wait for the silent upstream; others were refused at once. How many came in at all is the socket's affair.
    expect(rcodes["2"]).toBeGreaterThan(0);
    const dig = await quiet.run("dig", ["@127.0.0.11", "+tries=1", "+timeout=5", "www.example"]);
    expect(dig.stdout).toContain("status: SERVFAIL");
    expect(dig.stdout).toMatch(/EDE: 22.*10\.99\.0\.1:53/s);
  });
});
