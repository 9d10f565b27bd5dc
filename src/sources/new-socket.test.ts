import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { onNewSocket } from "./new-socket.ts";

let folder: string;
let end: (() => void) | undefined;
const called = vi.fn();

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "eleven-socket-"));
  called.mockReset();
});
afterEach(() => {
  end?.();
  rmSync(folder, { recursive: true });
});

const at = (...names: string[]) => join(folder, ...names);
const isCalled = (times: number) => vi.waitFor(() => expect(called).toHaveBeenCalledTimes(times));

test("a socket that comes is told, and one in its place", async () => {
  end = onNewSocket(at("s"), called);
  writeFileSync(at("s"), "");
  await isCalled(1);
  writeFileSync(at("other"), "");
  renameSync(at("other"), at("s"));
  await isCalled(2);
});

test("one that is there already is not, nor one that goes, nor what else is in its folder", async () => {
  writeFileSync(at("s"), "");
  end = onNewSocket(at("s"), called);
  writeFileSync(at("neighbour"), "");
  rmSync(at("s"));
  writeFileSync(at("s"), "");
  await isCalled(1);
});

test("one in a folder that is not there yet is told", async () => {
  end = onNewSocket(at("run", "docker", "s"), called);
  mkdirSync(at("run", "docker"), { recursive: true });
  writeFileSync(at("run", "docker", "s"), "");
  await isCalled(1);
});

test("one that a link leads to is told", async () => {
  mkdirSync(at("real"));
  symlinkSync(at("real"), at("run"));
  end = onNewSocket(at("run", "s"), called);
  writeFileSync(at("real", "s"), "");
  await isCalled(1);
});

test("nothing is told after the end", async () => {
  onNewSocket(at("s"), called)();
  writeFileSync(at("s"), "");
  const other = vi.fn();
  end = onNewSocket(at("t"), other);
  writeFileSync(at("t"), "");
  await vi.waitFor(() => expect(other).toHaveBeenCalledTimes(1));
  expect(called).not.toHaveBeenCalled();
});
