import { mkdtempSync, rmSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { systemClock } from "../base/clock.ts";
import { CodedError } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Change } from "../registry/model.ts";
import { fileSource } from "./file.ts";
import { readSnapshot } from "./file-snapshot.ts";
import type { SnapshotReader } from "./snapshot-reader.ts";
import type { Source } from "./source.ts";

let folder: string;
let path: string;
let source: Source;
let changes: Change[];
let logged: string[];
let reading: SnapshotReader;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "eleven-file-"));
  path = join(folder, "shop.yaml");
  changes = [];
  logged = [];
  const note = (level: string) => (_: object, text: string) => void logged.push(`${level} ${text}`);
  const log: Logger = { debug: note("debug"), info: note("info"), warn: note("warn"), error: note("error") };
  const apply = (change: Change) => changes.push(change);
  reading = async (text, about) => readSnapshot(text, about);
  const read: SnapshotReader = (...args) => reading(...args);
  source = fileSource({ path, name: `file:${path}`, read, apply, clock: systemClock, log });
});

afterEach(async () => {
  await source.stop();
  rmSync(folder, { recursive: true });
});

const until = (check: () => void) => vi.waitFor(check, { timeout: 5000, interval: 2 });
const errors = () => logged.filter((each) => each.startsWith("error"));

describe("fileSource", () => {
  it("applies the file whole when it starts", async () => {
    writeFileSync(path, "containers: { web: {} }");
    expect(source.status()).toMatchObject({ kind: "file", state: "starting", lastSync: null, error: null });
    await source.start();
    expect(changes).toEqual([
      {
        kind: "sync",
        source: `file:${path}`,
        cause: "shop.yaml read",
        snapshot: { networks: [], containers: [{ key: `file:${path}/web`, name: "web", endpoints: [] }] },
      },
    ]);
    expect(source.status()).toMatchObject({ state: "synced", error: null });
    expect(source.status().lastSync).toMatch(/^\d{4}-.*Z$/);
  });

  it.each([
    ["is wrong", "containers:\n  web: { ip: 1 }", /shop\.yaml:2:10: containers\.web: unknown key "ip"/],
    ["is not there", undefined, /^Cannot read ".*shop\.yaml": no such file$/],
  ])("does not start when the file %s", async (_, text, expected) => {
    if (text !== undefined) writeFileSync(path, text);
    const error = await source.start().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(CodedError);
    expect(error).toMatchObject({ code: "SOURCE", message: expect.stringMatching(expected) });
    expect(changes).toEqual([]);
  });

  it("applies a change whole, and refuses a wrong one whole while the last good state serves", async () => {
    writeFileSync(path, "containers: { web: {} }");
    await source.start();
    const first = source.status().lastSync;
    writeFileSync(path, "containers: { web: {}, db: { id: x } }");
    await until(() => expect(source.status().state).toBe("refused"));
    expect(source.status().error).toMatch(/shop\.yaml:1:\d+: containers\.db\.id: "x" is not a container id/);
    expect(source.status().lastSync).toBe(first);
    expect(changes).toHaveLength(1);
    writeFileSync(path, "containers: { web: {}, db: {} }");
    await until(() => expect(changes).toHaveLength(2));
    expect(changes[1]).toMatchObject({ kind: "sync", cause: "shop.yaml changed" });
    expect(source.status()).toMatchObject({ state: "synced", error: null });
  });

  it("keeps the last good state while the file is gone", async () => {
    writeFileSync(path, "containers: {}");
    await source.start();
    unlinkSync(path);
    await until(() => expect(source.status()).toMatchObject({ state: "refused" }));
    expect(source.status().error).toMatch(/no such file/);
    writeFileSync(path, "containers: {}");
    await until(() => expect(source.status()).toMatchObject({ state: "synced", error: null }));
    expect(errors()).toHaveLength(1);
  });

  it("reads again at once when told to, and logs the same refusal once", async () => {
    writeFileSync(path, "containers: {}");
    await source.start();
    writeFileSync(path, "containers: []");
    await source.refresh();
    await source.refresh();
    expect(source.status()).toMatchObject({ state: "refused" });
    expect(errors()).toEqual([expect.stringContaining("the last good state keeps serving")]);
    writeFileSync(path, "containers: { web: {} }");
    await source.refresh();
    expect(changes.map(({ cause }) => cause)).toEqual(["shop.yaml read", "shop.yaml read again"]);
  });

  it("logs the warnings of a file once, and shows at most twenty refusals", async () => {
    const relative = (n: number) => `  c${n}: { netns: x${n} }\n`;
    writeFileSync(path, `containers:\n${relative(1)}`);
    await source.start();
    await source.refresh();
    expect(logged.filter((each) => each.startsWith("warn"))).toEqual([
      expect.stringMatching(/shop\.yaml:2:.*relative/),
    ]);
    writeFileSync(path, `containers:\n${Array.from({ length: 25 }, (_, n) => `  c${n}: 1\n`).join("")}`);
    await source.refresh();
    expect(source.status().error?.split("\n")).toHaveLength(21);
    expect(source.status().error).toMatch(/\.\.\. and 5 more$/);
  });

  it("applies the last of the states that it was in while a large one was read", async () => {
    writeFileSync(path, "containers: {}");
    await source.start();
    const read: string[] = [];
    let done = (): void => {};
    reading = async (text, about) => {
      read.push(text);
      await new Promise<void>((resolve) => {
        done = resolve;
      });
      return readSnapshot(text, about);
    };
    const refreshes = ["a", "b", "c"].map(async (name) => {
      writeFileSync(path, `containers: { ${name}: {} }`);
      await source.refresh();
    });
    await until(() => expect(read).toHaveLength(1));
    done();
    await until(() => expect(read).toHaveLength(2));
    done();
    await Promise.all(refreshes);
    expect(read.at(-1)).toBe("containers: { c: {} }");
    expect(changes.at(-1)).toMatchObject({ snapshot: { containers: [{ name: "c" }] } });
  });

  it("keeps the last good state when the thread that reads a large one fails", async () => {
    writeFileSync(path, "containers: {}");
    await source.start();
    reading = () => Promise.reject(new Error("reached its memory limit"));
    writeFileSync(path, "containers: { web: {} }");
    await source.refresh();
    expect(source.status()).toMatchObject({ state: "refused" });
    expect(source.status().error).toMatch(/Cannot read ".*shop\.yaml": reached its memory limit/);
    expect(changes).toHaveLength(1);
  });

  it("changes nothing after it was stopped while it read", async () => {
    writeFileSync(path, "containers: {}");
    let done = (): void => {};
    let begun = (): void => {};
    const begins = new Promise<void>((resolve) => {
      begun = resolve;
    });
    reading = async (text, about) => {
      begun();
      await new Promise<void>((resolve) => {
        done = resolve;
      });
      return readSnapshot(text, about);
    };
    const started = source.start();
    await begins;
    await source.stop();
    done();
    await started;
    expect(changes).toEqual([]);
  });

  it("changes nothing after it was stopped", async () => {
    writeFileSync(path, "containers: {}");
    await source.start();
    writeFileSync(path, "containers: { web: {} }");
    const refreshed = source.refresh();
    await source.stop();
    await refreshed;
    await source.refresh();
    expect(changes).toHaveLength(1);
  });
});
