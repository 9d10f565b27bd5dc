import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundle } from "../../test/support/bundle.ts";
import { readSnapshot } from "./file-snapshot.ts";
import { LARGE, type SnapshotReader, snapshotReader } from "./snapshot-reader.ts";

const { signal } = new AbortController();
const ABOUT = { source: "file:/etc/shop.yaml", path: "/etc/shop.yaml" };

function text(count: number, container = "{}"): string {
  const containers = Array.from({ length: count }, (_, index) => `  web-${index}: ${container}\n`);
  return `containers:\n${containers.join("")}`;
}

describe("the reader of file sources", () => {
  let program: Awaited<ReturnType<typeof bundle>>;
  let read: SnapshotReader;

  beforeAll(async () => {
    program = await bundle(new URL("./snapshot-worker.ts", import.meta.url));
    read = snapshotReader(program.program);
  });

  afterAll(() => program.remove());

  it("finds in a large text what it would find in a small one, in a thread", async () => {
    for (const large of [text(LARGE / 8), text(LARGE / 8, "{ id: x }"), `${text(LARGE / 8)}}`]) {
      expect(large.length).toBeGreaterThan(LARGE);
      expect(await read(large, ABOUT, signal)).toEqual(readSnapshot(large, ABOUT));
    }
  });

  it("reads a small text itself", async () => {
    const lonely = snapshotReader(new URL("file:///nowhere/at-all.js"));
    expect(await lonely(text(3), ABOUT, signal)).toEqual(readSnapshot(text(3), ABOUT));
  });

  it("says why its thread failed", async () => {
    const lonely = snapshotReader(new URL("file:///nowhere/at-all.js"));
    await expect(lonely(text(LARGE / 8), ABOUT, signal)).rejects.toThrow(/nowhere/);
  });

  it("gives up when told to", async () => {
    const stopping = new AbortController();
    const reading = read(text(LARGE / 2), ABOUT, stopping.signal);
    stopping.abort();
    await expect(reading).rejects.toThrow(/aborted/);
  });

  it("lets others work meanwhile", async () => {
    let turns = 0;
    const timer = setInterval(() => {
      turns += 1;
    }, 1);
    await read(text(LARGE / 2), ABOUT, signal);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(20);
  });
});
