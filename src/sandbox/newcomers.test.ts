import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Newcomers, newcomers } from "./newcomers.ts";

const race = vi.hoisted((): { beforeWatch?: (() => void) | undefined } => ({}));
vi.mock("node:fs", async (original) => {
  const fs = await original<typeof import("node:fs")>();
  const watch = (...args: Parameters<typeof fs.watch>) => {
    const { beforeWatch } = race;
    race.beforeWatch = undefined;
    beforeWatch?.();
    return fs.watch(...args);
  };
  return { ...fs, watch };
});

describe("newcomers", () => {
  let root: string;
  let directory: string;
  let found: Set<string>;
  let watching: Newcomers;

  beforeEach(() => {
    root = mkdtempSync(join(tmpdir(), "el-t-"));
    directory = join(root, "docker", "netns");
    found = new Set();
    watching = newcomers(directory, (name) => found.add(name));
  });
  afterEach(() => {
    watching.close();
    rmSync(root, { recursive: true });
  });

  const make = (name: string) => writeFileSync(join(directory, name), "");
  const isFound = (...names: string[]) => expect.poll(() => [...found].sort()).toEqual(names);

  it("are what is made in a directory after one looked", async () => {
    mkdirSync(directory, { recursive: true });
    make("old");
    watching.look();
    make("new");
    await isFound("new");
  });

  it("are all that is in a directory that is made later, with those above it", async () => {
    watching.look();
    mkdirSync(directory, { recursive: true });
    make("first");
    await isFound("first");
    make("second");
    await isFound("first", "second");
  });

  it("are found step by step, and through what else is made on the way", async () => {
    watching.look();
    writeFileSync(join(root, "other"), "");
    mkdirSync(join(root, "docker"));
    writeFileSync(join(root, "docker", "other"), "");
    // What comes after it in the order of events.
    const prepared = join(root, "prepared");
    mkdirSync(prepared);
    writeFileSync(join(prepared, "first"), "");
    renameSync(prepared, directory);
    await isFound("first");
  });

  it("are found in a directory that is made anew", async () => {
    mkdirSync(directory, { recursive: true });
    watching.look();
    rmSync(directory, { recursive: true });
    mkdirSync(directory);
    make("first");
    await isFound("first");
    make("second");
    await isFound("first", "second");
  });

  it("are found in a directory that goes just when it is to be watched, and comes again", async () => {
    mkdirSync(directory, { recursive: true });
    race.beforeWatch = () => rmSync(directory, { recursive: true });
    watching.look();
    mkdirSync(directory);
    make("first");
    await isFound("first");
    make("second");
    await isFound("first", "second");
  });

  it("are none any more after the end", async () => {
    mkdirSync(directory, { recursive: true });
    watching.look();
    watching.close();
    make("unseen");
    watching.look();
    make("seen");
    await isFound("seen");
  });
});
