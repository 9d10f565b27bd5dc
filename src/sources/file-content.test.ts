import { mkdtempSync, renameSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stillClock } from "../registry/fixture.suite.ts";
import { fileContent } from "./file-content.ts";

describe("the content of a file", () => {
  let folder: string;
  let path: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "eleven-content-"));
    path = join(folder, "shop.yaml");
    writeFileSync(path, "one");
  });

  afterEach(() => rmSync(folder, { recursive: true }));

  test("is not read again while nothing has happened to it, and is after anything has", async () => {
    const clock = stillClock(Date.now() + 60_000);
    const read = fileContent(path, clock);
    const first = await read();
    expect(first).toEqual({ text: "one" });
    // The very same object: what is read anew is another one.
    expect(await read()).toBe(first);
    utimesSync(path, new Date(), new Date());
    expect(await read()).toEqual(first);
    expect(await read()).not.toBe(first);
    writeFileSync(join(folder, "new"), "two");
    renameSync(join(folder, "new"), path);
    expect(await read()).toEqual({ text: "two" });
  });

  test("is read again while it is so new that its stamp may stay the same", async () => {
    const read = fileContent(path, stillClock(Date.now()));
    const first = await read();
    writeFileSync(path, "two");
    expect([first, await read()]).toEqual([{ text: "one" }, { text: "two" }]);
  });

  test("says why there is none", async () => {
    const clock = stillClock();
    expect(await fileContent(join(folder, "no"), clock)()).toEqual({ reason: "no such file" });
    expect(await fileContent(folder, clock)()).toEqual({ reason: "not a regular file" });
  });
});
