import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { openNamespace } from "../linux/namespace.ts";
import { namespaceFixture, openDescriptors, skipped, whyNot } from "../linux/namespace-fixture.suite.ts";
import { type Attachments, attachments } from "./attachments.ts";
import { ask, askUdp, echoServe } from "./attachments-world.suite.ts";
import { udpSocketInside } from "./namespace-dialer.ts";
import { UNKNOWN_MAX, UNKNOWN_MS } from "./tenancy.ts";

describe.skipIf(whyNot !== undefined)(`a namespace that an engine has just made${skipped}`, () => {
  const namespaces = namespaceFixture();
  let root: string;
  let directory: string;
  let mounted: string[];
  let serve: ReturnType<typeof echoServe>;
  let attached: Attachments;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "el-t-"));
    directory = join(root, "docker", "netns");
    mkdirSync(directory, { recursive: true });
    mounted = [];
    serve = echoServe();
    attached = attachments({ clock: systemClock, log: silentLog, serve });
  });
  afterEach(async () => {
    await attached.close();
    for (const path of mounted) execFileSync("umount", [path]);
    rmSync(root, { recursive: true });
    await namespaces.cleanup();
  });

  /** As Docker does it: first a file, then a namespace mounted on it, then `lo`. */
  function make(name: string): string {
    const path = join(directory, name);
    const namespace = namespaces.add({ loopback: "down" });
    writeFileSync(path, "");
    execFileSync("mount", ["--bind", namespace, path]);
    mounted.push(path);
    namespaces.up(namespace);
    return path;
  }

  const isServed = () => expect.poll(() => serve.opened).toEqual(["udp", "tcp"]);
  const want = (netns: string) => attached.reconcile(new Map([["docker/web", { name: "web", netns }]]));

  it("is attached before it is known whose it is, and its queries wait for that", async () => {
    attached.expect([directory], () => undefined);
    const path = make("0123456789ab");
    await isServed();
    expect(attached.status()).toEqual([]);
    const answers = ask(path);
    want(path);
    expect(await answers).toEqual({ udp: "docker/web", tcp: "docker/web" });
    expect(attached.status()).toMatchObject([{ name: "web", state: "attached" }]);
    expect(serve.opened).toEqual(["udp", "tcp"]);
  });

  it("is handed back when its container turns out not to be wanted, whose queries until then are answered", async () => {
    attached.expect([directory], () => undefined);
    const before = openDescriptors();
    const path = make("0123456789ab");
    await isServed();
    const answer = askUdp(path);
    await expect.poll(() => serve.asked).toEqual(["udp"]);
    attached.expect([directory], (netns) => (netns === path ? "docker/db" : undefined));
    expect(await answer).toBe("docker/db");
    await expect.poll(openDescriptors).toBe(before);
  });

  it("is attached where the engine makes the directory with it, its first", async () => {
    rmSync(join(root, "docker"), { recursive: true });
    attached.expect([directory], () => undefined);
    mkdirSync(directory, { recursive: true });
    make("0123456789ab");
    await isServed();
  });

  it("is handed back at once when nobody is there to tell whose it is any more", async () => {
    await attached.close();
    // No time is ever over for its queries.
    const after = (ms: number, call: () => void) =>
      ms < UNKNOWN_MS ? systemClock.after(ms, call) : () => {};
    attached = attachments({ clock: { ...systemClock, after }, log: silentLog, serve });
    attached.expect([directory], () => undefined);
    const before = openDescriptors();
    const path = make("0123456789ab");
    await isServed();
    const answer = askUdp(path);
    await expect.poll(() => serve.asked).toEqual(["udp"]);
    attached.expect([], () => undefined);
    expect(await answer).toBe("nobody");
    await expect.poll(openDescriptors).toBeLessThanOrEqual(before);
  });

  it("is handed back when nobody tells whose it is, and its queries get to know that", async () => {
    attached.expect([directory], () => undefined);
    const before = openDescriptors();
    const path = make("0123456789ab");
    await isServed();
    expect(await askUdp(path)).toBe("nobody");
    await expect.poll(openDescriptors).toBe(before);
  });

  it("has queries wait up to a number, and those beyond it answered at once", async () => {
    attached.expect([directory], () => undefined);
    const path = make("0123456789ab");
    await isServed();
    const namespace = openNamespace(path);
    const asking = udpSocketInside(namespace, 4);
    const answers: string[] = [];
    asking.on("message", (octets) => answers.push(String(octets)));
    await new Promise<void>((resolve) => asking.connect(53, "127.0.0.11", resolve));
    while (answers.length === 0) {
      for (let i = 0; i < 50; i++) asking.send("?");
      await new Promise((resolve) => setImmediate(resolve));
    }
    want(path);
    expect(answers[0]).toBe("nobody");
    expect(serve.asked.length).toBeGreaterThan(UNKNOWN_MAX);
    await expect.poll(() => answers.filter((who) => who === "docker/web").length).toBeGreaterThan(0);
    asking.close();
    namespace.close();
  });

  it("is let go of when it is unmade", async () => {
    attached.expect([directory], () => undefined);
    const before = openDescriptors();
    const path = make("0123456789ab");
    await isServed();
    execFileSync("umount", [mounted.pop()!]);
    rmSync(path);
    attached.recheck();
    await expect.poll(openDescriptors).toBe(before);
  });

  it("is left alone if it is not a container's, and where nobody is expected", async () => {
    attached.expect([directory], () => undefined);
    make("default");
    make("lb_0123456789");
    attached.expect([], () => undefined);
    make("0123456789ab");
    // What comes after these in the order of events.
    attached.expect([directory], () => undefined);
    make("ba9876543210");
    await isServed();
    expect(serve.opened).toHaveLength(2);
  });
});
