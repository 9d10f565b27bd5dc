import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, test, vi } from "vitest";
import { processes } from "./docker-process.ts";

const refusal = vi.hoisted((): { error?: Error } => ({}));
/** What files say instead of what is in them. */
const said = vi.hoisted(() => new Map<string, string>());
vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  const readFileSync: typeof fs.readFileSync = (...args: Parameters<typeof fs.readFileSync>) => {
    if (refusal.error !== undefined) throw refusal.error;
    return (said.get(String(args[0])) ?? fs.readFileSync(...args)) as never;
  };
  return { ...fs, readFileSync };
});

const ID = "0123456789abcdef".repeat(4);
/** Something of which every process has a mount stands in for an id. */
const ANY = ["/sys"];

describe.skipIf(process.platform !== "linux")("a process", () => {
  afterEach(() => {
    delete refusal.error;
    said.clear();
  });

  test("is none of a container that it does not name", () => {
    expect(processes.identify(process.pid, [ID])).toBeUndefined();
    expect(processes.identify(2 ** 22 + 1, [ID])).toBeUndefined();
  });

  test.each([
    ["control group", "cgroup", `0::/docker/${ID}\n`],
    ["control group, made by systemd", "cgroup", `0::/system.slice/docker-${ID}.scope\n`],
    ["control group, as seen from another container", "cgroup", `0::/../${ID}\n`],
    ["control group of version 1", "cgroup", `2:cpu:/docker/${ID}\n1:name=systemd:/docker/${ID}\n`],
    ["control group, in one that it made there", "cgroup", `0::/docker/${ID}/init.scope\n`],
    ["mounted files", "mountinfo", `9 8 0:1 /containers/${ID}/hosts /etc/hosts rw - ext4 /dev/sda rw\n`],
  ])("is a container's by its %s", (_, file, text) => {
    said.set(`/proc/${process.pid}/${file}`, text);
    expect(processes.identify(process.pid, ["e".repeat(64)])).toBeUndefined();
    expect(processes.identify(process.pid, ["e".repeat(64), ID])).toMatchObject({ pid: process.pid });
  });

  test("is dead when it has ended, and when its number is another's", async () => {
    const child = spawn("sleep", ["100"]);
    await once(child, "spawn");
    const init = processes.identify(child.pid!, ANY)!;
    expect(processes.isAlive(init)).toBe(true);
    expect(processes.isAlive({ ...init, startTime: "1" })).toBe(false);
    expect(processes.isGone(init)).toBe(false);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(processes.isAlive(init)).toBe(false);
    expect(processes.isGone(init)).toBe(true);
  });

  test.each([
    ["alive where we can't tell", "EMFILE", true],
    ["alive where we can't tell", "EACCES", true],
    ["dead where its files are gone", "ENOENT", false],
    ["dead where it went while they were read", "ESRCH", false],
  ])("is %s (%s)", (_, code, isAlive) => {
    const init = processes.identify(process.pid, ANY)!;
    refusal.error = Object.assign(new Error(code), { code });
    expect(processes.isAlive(init)).toBe(isAlive);
    expect(processes.identify(process.pid, ANY)).toBeUndefined();
  });

  test("is in the host's network if it is in ours, and not known to be if it is none", () => {
    expect(processes.isInHosts(process.pid)).toBe(true);
    expect(processes.isInHosts(2 ** 22 + 1)).toBe(false);
  });

  test("has a namespace where there is one, and not where there is a file or nothing", () => {
    expect(processes.isNamespace("/proc/self/ns/net")).toBe(true);
    expect(processes.isNamespace("/etc/hostname")).toBe(false);
    expect(processes.isNamespace("/nowhere")).toBe(false);
  });
});
