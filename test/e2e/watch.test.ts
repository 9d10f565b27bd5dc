import type { ChildProcess } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { QueryEvent, WatchEvent } from "../../src/api/control.ts";
import { type Namespace, openNamespace } from "../../src/linux/namespace.ts";
import { ask, startUpstreams, type Upstream } from "../support/ask.ts";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { missing } from "../support/requirements.ts";
import { createWorld, end, type World } from "../support/world.ts";

const reason = missing("dnsperf");
const BIN = fileURLToPath(new URL("../../bin/eleven", import.meta.url));

interface Watcher {
  readonly child: ChildProcess;
  /** Lines of stdout so far. */
  readonly lines: string[];
  readonly stderr: () => string;
  /** Resolves when `enough` is true of the lines; each new one asks again. */
  until(enough: (lines: readonly string[]) => boolean): Promise<void>;
}

describe.skipIf(reason)(`watch${reason === undefined ? "" : ` (${reason})`}`, () => {
  let world: World;
  let eleven: Eleven;
  let upstream: Upstream;
  let spaces: Namespace[];
  let [web, db] = [] as unknown as [Namespace, Namespace];

  beforeEach(async () => {
    world = createWorld();
    world.bridge("shop0", "10.5.0.1/24");
    world.bridge("up0", "10.99.0.254/24");
    const nodes = ["web-1", "db"].map((name, i) => world.container(name, { shop0: [`10.5.0.${i + 2}/24`] }));
    const up = world.container("up", { up0: ["10.99.0.1/24", "10.99.0.2/24"] });
    spaces = [...nodes, up].map(({ netns }) => openNamespace(netns));
    [web, db] = spaces as [Namespace, Namespace];
    upstream = startUpstreams(spaces[2]!, { "10.99.0.1": "willing", "10.99.0.2": "silent" });
    world.write(
      "shop.yaml",
      `networks: { shop: {} }
containers:
  web-1: { netns: ${nodes[0]!.netns}, networks: { shop: { ipv4: 10.5.0.2, aliases: [web] } } }
  db: { netns: ${nodes[1]!.netns}, networks: { shop: { ipv4: 10.5.0.3 } } }
`,
    );
    eleven = await startEleven(
      world,
      `listen: ["127.0.0.1:5311"]
sources: [{ file: shop.yaml }]
attach: all
upstreams: [10.99.0.1]
domains: { dark.example: [10.99.0.2] }
`,
    );
    while ((await eleven.status()).attached.length < 2);
  });

  afterEach(async () => {
    upstream?.close();
    await eleven?.stop();
    for (const each of spaces ?? []) each.close();
    await world?.destroy();
  });

  /** Resolves when it looks on. */
  async function watch(...args: string[]): Promise<Watcher> {
    const child = world.host.start(process.execPath, [BIN, "watch", ...args, "--socket", eleven.socket]);
    const lines: string[] = [];
    let rest = "";
    let stderr = "";
    let look = () => {};
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      const parts = (rest + text).split("\n");
      rest = parts.pop() ?? "";
      lines.push(...parts);
      look();
    });
    await new Promise<void>((resolve, reject) => {
      child.stderr?.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
        if (stderr.includes("watching")) resolve();
      });
      child.once("exit", () => reject(new Error(`watch ended: ${stderr}`)));
    });
    return {
      child,
      lines,
      stderr: () => stderr,
      until: (enough) =>
        new Promise((resolve) => {
          look = () => enough(lines) && resolve();
          look();
        }),
    };
  }

  const events = ({ lines }: Watcher) => lines.map((line) => JSON.parse(line) as WatchEvent);
  const queries = (watcher: Watcher) =>
    events(watcher).filter((event) => "question" in event) as QueryEvent[];
  const gone = (child: ChildProcess) =>
    new Promise<number | null>((resolve) => {
      if (child.exitCode !== null) resolve(child.exitCode);
      else child.once("exit", resolve);
    });

  test("shows each of a thousand queries, those that the data plane answers by itself, too", async () => {
    const watcher = await watch("--json");
    for (let i = 0; i < 1000; i++) expect((await ask(web, "web", 5000)).octets).toBeDefined();
    await watcher.until(({ length }) => length >= 1000);
    expect(queries(watcher)).toHaveLength(1000);
    for (const event of queries(watcher))
      expect(event).toMatchObject({
        container: "web-1",
        transport: "udp",
        question: { name: "web.", type: "A" },
        rcode: "NOERROR",
        answers: [{ name: "web.", type: "A", ttl: 5, data: "10.5.0.2" }],
        origin: "registry",
        slow: false,
      });
    expect(queries(watcher).filter(({ ms }) => ms === 0).length).toBeGreaterThan(900);
    const doc = readFileSync(new URL("../../docs/explain.md", import.meta.url), "utf8");
    const [, shown = ""] = /^(\{"at".*)$/m.exec(doc) ?? [];
    expect(Object.keys(JSON.parse(shown))).toEqual(Object.keys(queries(watcher)[0]!));
  });

  test("shows what the filters let through", async () => {
    const watchers = await Promise.all([
      watch("--json", "--container", "db"),
      watch("--json", "--name", "*.example", "--rcode", "nxdomain"),
      watch("--json", "--type", "AAAA"),
      watch("--json", "--slow", "100"),
      watch("--json"),
    ]);
    await ask(web, "www.example", 5000);
    await ask(web, "nxdomain.example", 5000);
    await ask(db, "web AAAA", 5000);
    await ask(db, "web +tcp", 5000);
    await ask(web, "x.dark.example", 10_000);
    const [ofDb, nxdomain, aaaa, slow, all] = watchers as [Watcher, Watcher, Watcher, Watcher, Watcher];
    await all.until(({ length }) => length === 5);
    await slow.until(({ length }) => length === 1);
    const shown = (watcher: Watcher) =>
      queries(watcher).map(({ question }) => `${question.name} ${question.type}`);
    expect(shown(ofDb)).toEqual(["web. AAAA", "web. A"]);
    expect(queries(ofDb).map(({ transport }) => transport)).toEqual(["udp", "tcp"]);
    expect(shown(nxdomain)).toEqual(["nxdomain.example. A"]);
    expect(queries(nxdomain)).toMatchObject([{ origin: "upstream", upstream: "10.99.0.1:53" }]);
    expect(shown(aaaa)).toEqual(["web. AAAA"]);
    expect(queries(slow)).toMatchObject([
      { question: { name: "x.dark.example." }, rcode: "SERVFAIL", slow: true },
    ]);
  });

  test("tells people in columns", async () => {
    const watcher = await watch();
    await ask(web, "web", 5000);
    await ask(db, "nxdomain.example", 5000);
    await watcher.until(({ length }) => length === 2);
    expect(watcher.lines[0]).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3} {2}web-1 {2}A {2}web\. {2}10\.5\.0\.2 {2}registry +\d+\.\d ms$/,
    );
    expect(watcher.lines[1]).toMatch(
      / {2}db {5}A {2}nxdomain\.example\. {2}NXDOMAIN +upstream 10\.99\.0\.1:53 +\d+\.\d ms$/,
    );
  });

  test("a flood is counted to the last query, shown or not, also for one who does not read meanwhile", async () => {
    const watcher = await watch("--json");
    const asleep = await watch("--json");
    asleep.child.kill("SIGSTOP");
    const total = 30_000;
    const file = world.write("queries", "web.shop A\n");
    const ran = await world.host.run("dnsperf", [
      "-s",
      "127.0.0.1",
      "-p",
      "5311",
      "-d",
      file,
      "-n",
      String(total),
      "-c",
      "4",
    ]);
    const answered = Number(/Queries completed: +(\d+)/.exec(ran.stdout)?.[1]);
    expect(answered).toBe(total);
    asleep.child.kill("SIGCONT");
    for (const each of [watcher, asleep]) {
      const sum = () =>
        events(each).reduce((all, event) => all + ("skipped" in event ? event.skipped : 1), 0);
      await each.until(({ length }) => length > 0 && sum() >= total);
      expect(sum()).toBe(total);
    }
    expect(queries(watcher).length).toBeGreaterThanOrEqual(1000);
  });

  test("one who goes leaves nothing behind", async () => {
    const open = () => readdirSync(`/proc/${eleven.process.pid}/fd`).length;
    // The connection of a command before may be open still.
    let before = open();
    for (let i = 0; i < 5; i++) {
      await eleven.status();
      before = Math.min(before, open());
    }
    for (let i = 0; i < 3; i++) {
      const watcher = await watch("--json");
      expect(open()).toBeGreaterThan(before);
      await end(watcher.child);
      await ask(web, "web", 5000);
      while (open() > before) await eleven.status();
    }
    expect(eleven.log()).not.toMatch(/error|EPIPE|failed/);
  });

  test("the daemon's end is its end", async () => {
    const watcher = await watch("--json");
    await ask(web, "web", 5000);
    await eleven.stop();
    expect(await gone(watcher.child)).toBe(0);
    expect(queries(watcher)).toHaveLength(1);
    expect(watcher.stderr()).toContain("the daemon has ended");
  });

  test("a daemon that is killed can't be reached", async () => {
    const watcher = await watch();
    await eleven.stop("SIGKILL");
    expect(await gone(watcher.child)).toBe(3);
    expect(watcher.stderr()).toMatch(/Cannot reach the daemon.*\n {2}remedy: /);
    expect(await eleven.command("watch")).toMatchObject({ status: 3 });
  });

  test("refuses what it can't watch", async () => {
    for (const args of [
      ["--container", "ghost"],
      ["--type", "AA"],
      ["--rcode", "NO"],
      ["--slow", "x"],
    ])
      expect(await eleven.command("watch", ...args), args.join(" ")).toMatchObject({
        status: 2,
        stdout: "",
        stderr: expect.stringContaining("remedy: "),
      });
  });
});
