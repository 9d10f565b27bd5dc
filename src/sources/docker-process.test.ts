import { spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach, describe, expect, test, vi } from "vitest";
import { processes } from "./docker-process.ts";

const refusal = vi.hoisted((): { error?: Error } => ({}));
vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  const readFileSync: typeof fs.readFileSync = (...args: Parameters<typeof fs.readFileSync>) => {
    if (refusal.error !== undefined) throw refusal.error;
    return fs.readFileSync(...args) as never;
  };
  return { ...fs, readFileSync };
});

describe.skipIf(process.platform !== "linux")("a process", () => {
  afterEach(() => {
    delete refusal.error;
  });

  test("is one of a container only if it has that container's files mounted", () => {
    expect(processes.identify(process.pid, ["0123456789abcdef"])).toBeUndefined();
    expect(processes.identify(2 ** 22 + 1, ["0123456789abcdef"])).toBeUndefined();
    // Something of which every process has a mount stands in for an id.
    expect(processes.identify(process.pid, ["x", "sys"])).toMatchObject({ pid: process.pid });
  });

  test("is dead when it has ended, and when its number is another's", async () => {
    const child = spawn("sleep", ["100"]);
    await once(child, "spawn");
    const init = processes.identify(child.pid!, ["sys"])!;
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
    const init = processes.identify(process.pid, ["sys"])!;
    refusal.error = Object.assign(new Error(code), { code });
    expect(processes.isAlive(init)).toBe(isAlive);
    expect(processes.identify(process.pid, ["sys"])).toBeUndefined();
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
