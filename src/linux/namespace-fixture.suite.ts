import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { readdirSync } from "node:fs";
import { messageOf } from "../base/errors.ts";
import { namespaceSupport } from "./namespace.ts";

/** Why tests that need namespaces of their own can't run here; undefined if they can. */
export const whyNot = reasonToSkip();

/** For the title of such a group of tests, so that a skipped one says why. */
export const skipped = whyNot === undefined ? "" : ` (skipped: ${whyNot})`;

/** The same for tests that look with nftables' own program. */
export const whyNotNft = whyNot ?? reasonToSkipNft();

/** Real namespaces under random names, and processes inside them; `cleanup` belongs into afterEach or afterAll. */
export function namespaceFixture() {
  const names = new Set<string>();
  const children: ChildProcess[] = [];
  const pathOf = (name: string) => `/run/netns/${name}`;
  const nameOf = (path: string) => path.slice("/run/netns/".length);

  /** Returns the path. With `loopback: "down"`, as the kernel makes it. */
  function add(options: { name?: string; loopback?: "up" | "down" } = {}): string {
    const { name = `el-t-${randomBytes(4).toString("hex")}`, loopback = "up" } = options;
    execFileSync("ip", ["netns", "add", name]);
    names.add(name);
    if (loopback === "up") up(pathOf(name));
    return pathOf(name);
  }

  function up(path: string): void {
    execFileSync("ip", ["-n", nameOf(path), "link", "set", "lo", "up"]);
  }

  function remove(path: string): void {
    execFileSync("ip", ["netns", "del", nameOf(path)]);
    names.delete(nameOf(path));
  }

  /** Makes another namespace under the same path. */
  function recreate(path: string): void {
    if (names.has(nameOf(path))) remove(path);
    add({ name: nameOf(path) });
  }

  /** Runs a script of Node's inside; resolves at its first line of output. It lives until `stop` or `cleanup`. */
  async function run(path: string, script: string): Promise<{ said: string; stop(): Promise<void> }> {
    const child = spawn("nsenter", [`--net=${path}`, process.execPath, "-e", script], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    children.push(child);
    const [chunk]: unknown[] = await once(child.stdout, "data");
    return { said: String(chunk).trim(), stop: () => stop(child) };
  }

  async function stop(child: ChildProcess): Promise<void> {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  async function cleanup(): Promise<void> {
    await Promise.all(children.splice(0).map(stop));
    for (const name of names) remove(pathOf(name));
  }

  return { add, up, remove, recreate, run, cleanup };
}

export function openDescriptors(): number {
  return readdirSync("/proc/self/fd").length;
}

function reasonToSkip(): string | undefined {
  const support = namespaceSupport();
  if (!support.ok) return support.why;
  try {
    execFileSync("ip", ["-V"]);
    execFileSync("nsenter", ["--version"]);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

function reasonToSkipNft(): string | undefined {
  try {
    execFileSync("nft", ["--version"]);
    return undefined;
  } catch {
    return "needs nft";
  }
}
