import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../base/clock.ts";
import { directoryWatch } from "./directory-watch.ts";

describe("directory watch", () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), "el-t-"));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  it("tells once of what comes in one go", async () => {
    const changes: string[] = [];
    let told = () => {};
    const soon = new Promise<void>((resolve) => {
      told = resolve;
    });
    const watch = directoryWatch({
      clock: systemClock,
      changed() {
        changes.push("change");
        told();
      },
    });
    watch.set([join(directory, "web-1"), join(directory, "web-2")]);
    writeFileSync(join(directory, "web-1"), "");
    writeFileSync(join(directory, "web-2"), "");
    await soon;
    watch.close();
    expect(changes).toEqual(["change"]);
  });

  it("passes over what can't be watched", async () => {
    const missing = join(directory, "netns");
    await new Promise<void>((told) => {
      const watch = directoryWatch({
        clock: systemClock,
        changed() {
          watch.close();
          told();
        },
      });
      watch.set([join(missing, "web-1"), "/proc/1/ns/net"]);
      mkdirSync(missing);
      watch.set([join(missing, "web-1")]);
      writeFileSync(join(missing, "web-1"), "");
    });
  });
});
