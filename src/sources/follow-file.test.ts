import {
  appendFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Clock, systemClock } from "../base/clock.ts";
import type { FileContent } from "./file-content.ts";
import { type Follower, followFile } from "./follow-file.ts";

let folder: string;
let path: string;
const followers: Follower[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "eleven-follow-"));
  path = join(folder, "a", "file");
  mkdirSync(join(folder, "a"));
  writeFileSync(path, "one");
});

afterEach(() => {
  for (const follower of followers.splice(0)) follower.close();
  rmSync(folder, { recursive: true });
});

/** Follows `path`; by default the poll is out of the way, so that what is seen was seen by a watch. */
async function follow(options: Partial<Parameters<typeof followFile>[0]> = {}) {
  const seen: FileContent[] = [];
  const follower = await followFile({
    path,
    clock: systemClock,
    settleMs: 5,
    pollMs: 3_600_000,
    onChange: (content) => seen.push(content),
    ...options,
  });
  followers.push(follower);
  /** Waits until `text` (or absence) is what was told last. */
  const told = (text: string | undefined) =>
    vi.waitFor(
      () => expect(seen.at(-1)).toMatchObject(text === undefined ? { reason: "no such file" } : { text }),
      {
        timeout: 5000,
        interval: 2,
      },
    );
  return { seen, follower, told };
}

describe("followFile", () => {
  it("gives the first content, and calls back for those that differ", async () => {
    const { follower, seen, told } = await follow();
    expect(follower.content).toEqual({ text: "one" });
    writeFileSync(path, "two");
    await told("two");
    appendFileSync(path, " and a half");
    await told("two and a half");
    expect(seen.map(({ text }) => text)).toEqual(["two", "two and a half"]);
  });

  it("sees a file that is replaced by a rename, more than once", async () => {
    const { told } = await follow();
    for (const text of ["two", "three", "four"]) {
      writeFileSync(`${path}~`, text);
      renameSync(`${path}~`, path);
      await told(text);
    }
  });

  it("sees a file deleted, and back", async () => {
    const { told } = await follow();
    unlinkSync(path);
    await told(undefined);
    writeFileSync(path, "back");
    await told("back");
  });

  it("sees a link led elsewhere, and changes of the file it leads to", async () => {
    mkdirSync(join(folder, "b"));
    writeFileSync(join(folder, "b", "real"), "real");
    const link = join(folder, "link");
    symlinkSync(path, link);
    const { follower, told } = await follow({ path: link });
    expect(follower.content).toEqual({ text: "one" });
    writeFileSync(path, "two");
    await told("two");
    symlinkSync(join(folder, "b", "real"), `${link}~`);
    renameSync(`${link}~`, link);
    await told("real");
    writeFileSync(join(folder, "b", "real"), "really");
    await told("really");
  });

  it("sees a mounted ConfigMap change, which is a link among the folders", async () => {
    for (const each of ["v1", "v2"]) {
      mkdirSync(join(folder, each));
      writeFileSync(join(folder, each, "file"), each);
    }
    symlinkSync("v1", join(folder, "..data"));
    symlinkSync("..data/file", join(folder, "file"));
    const { follower, told } = await follow({ path: join(folder, "file") });
    expect(follower.content).toEqual({ text: "v1" });
    symlinkSync("v2", join(folder, "..data~"));
    renameSync(join(folder, "..data~"), join(folder, "..data"));
    await told("v2");
  });

  it("sees its folder replaced, and what happens in the new one", async () => {
    const { told } = await follow();
    mkdirSync(join(folder, "new"));
    writeFileSync(join(folder, "new", "file"), "two");
    renameSync(join(folder, "a"), join(folder, "old"));
    renameSync(join(folder, "new"), join(folder, "a"));
    await told("two");
    writeFileSync(path, "three");
    await told("three");
  });

  it("sees its folder deleted, and back", async () => {
    const { told } = await follow();
    rmSync(join(folder, "a"), { recursive: true });
    await told(undefined);
    mkdirSync(join(folder, "a"));
    writeFileSync(path, "back");
    await told("back");
  });

  it.each([
    [
      "no watch is to be had",
      () => {
        throw Object.assign(new Error("ENOSPC"), { code: "ENOSPC" });
      },
    ],
    [
      "its watches fail",
      () => ({ close() {}, on: (_: "error", listener: () => void) => queueMicrotask(listener) }),
    ],
  ])("lives on the poll when %s", async (_, watch) => {
    const { told } = await follow({ watch, pollMs: 5 });
    writeFileSync(path, "two");
    await told("two");
    rmSync(join(folder, "a"), { recursive: true });
    await told(undefined);
  });

  it("says why there is no content", async () => {
    expect((await follow({ path: folder })).follower.content).toEqual({ reason: "not a regular file" });
    expect((await follow({ path: join(path, "x") })).follower.content).toEqual({ reason: "no such file" });
    expect((await follow({ path: "/dev/zero" })).follower.content).toEqual({ reason: "not a regular file" });
  });

  it("tells what read() has read to nobody else", async () => {
    const { follower, seen, told } = await follow();
    writeFileSync(path, "two");
    expect(await follower.read()).toEqual({ text: "two" });
    writeFileSync(path, "three");
    await told("three");
    expect(seen.map(({ text }) => text)).toEqual(["three"]);
  });

  it.skipIf(process.platform !== "linux")("leaves no watch and no timer behind", async () => {
    const open = inotifyWatches;
    const clock = handClock();
    const before = open();
    const { follower, seen } = await follow({ clock });
    expect(open()).toBeGreaterThan(before);
    writeFileSync(path, "two");
    follower.close();
    expect(open()).toBe(before);
    expect(clock.timers.size).toBe(0);
    expect(seen).toEqual([]);
  });
});

describe("a content settles", () => {
  /** No watch: only the clock's hand makes it look. */
  async function byHand() {
    const clock = handClock();
    const watch = () => ({ close() {}, on: () => undefined });
    return { ...(await follow({ clock, watch, settleMs: 30, pollMs: 1000 })), clock };
  }

  it("when two readings in a row agree", async () => {
    const { seen, clock } = await byHand();
    writeFileSync(path, "half");
    await clock.fire(1000);
    writeFileSync(path, "half and half");
    await clock.fire(30);
    expect(seen).toEqual([]);
    await clock.fire(30);
    expect(seen).toEqual([{ text: "half and half" }]);
  });

  it("without a call, when it is the old one again, or was only touched", async () => {
    const { seen, clock } = await byHand();
    writeFileSync(path, "");
    await clock.fire(1000);
    writeFileSync(path, "one");
    utimesSync(path, 1, 1);
    await clock.fire(30);
    expect(clock.timers.size).toBe(1);
    expect(seen).toEqual([]);
  });
});

/** A clock whose timers go off when told to. */
function handClock(): Clock & { timers: Map<() => void, number>; fire(ms: number): Promise<void> } {
  const timers = new Map<() => void, number>();
  let looks = 0;
  return {
    timers,
    wall: () => 0,
    // Read at the end of each look at the file, which is how `fire` knows that one has ended.
    now: () => {
      looks += 1;
      return 0;
    },
    after(ms, call) {
      timers.set(call, ms);
      return () => timers.delete(call);
    },
    /** Sets off the timers of `ms`, and waits until the look at the file that they began has ended. */
    async fire(ms) {
      const before = looks;
      for (const [call, each] of [...timers]) {
        if (each !== ms) continue;
        timers.delete(call);
        call();
      }
      await vi.waitFor(() => expect(looks).toBeGreaterThan(before), { interval: 1 });
    },
  };
}

/** The directories that this process has the kernel watch; Node does not list what it does not wait for. */
function inotifyWatches(): number {
  return readdirSync("/proc/self/fdinfo")
    .map((fd) => {
      try {
        return readFileSync(`/proc/self/fdinfo/${fd}`, "utf8").split("inotify wd:").length - 1;
      } catch {
        // The descriptor that lists the folder is closed by now.
        return 0;
      }
    })
    .reduce((sum, each) => sum + each, 0);
}
