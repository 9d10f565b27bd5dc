import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { benchmarks } from "../../bench/benchmarks.ts";
import { spread } from "../../bench/measure.ts";
import { cpuSeconds } from "../../bench/process.ts";
import { table, withSection } from "../../bench/report.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const bench = (...args: string[]) =>
  spawnSync(process.execPath, ["scripts/bench.mjs", ...args], { cwd: root, encoding: "utf8" });

describe("npm run bench", () => {
  test("alone lists the benchmarks, and runs none", () => {
    const { status, stdout } = bench();
    expect(status).toBe(0);
    expect(stdout.match(/^\S+/gm)).toEqual(benchmarks.map(({ name }) => name));
  });

  test("refuses a name that is no benchmark's", () => {
    const { status, stderr } = bench("speed");
    expect(status).toBe(2);
    expect(stderr).toContain("Cannot run speed: there is no such benchmark");
  });

  test("docs/benchmarks.md tells of each", () => {
    const text = readFileSync(`${root}docs/benchmarks.md`, "utf8");
    for (const { name } of benchmarks) expect(text).toContain(`\`${name}\``);
  });
});

describe("the report of a benchmark", () => {
  test("replaces the section of its last run, and leaves the others alone", () => {
    const first = withSection("# Results\n\nOf runs.\n", "scale", "old\n\n### more\n");
    const second = withSection(first, "scale-two", "kept");
    expect(withSection(second, "scale", "new\n")).toBe(
      "# Results\n\nOf runs.\n\n## scale\n\nnew\n\n## scale-two\n\nkept\n",
    );
  });

  test("has aligned tables, numbers to the right", () => {
    expect(table(["server", "us"], [["C responder", "4.4"]])).toBe(
      "| server      |  us |\n| ----------- | --: |\n| C responder | 4.4 |",
    );
  });

  test("takes what lies between the two in the middle for the median of an even number of rounds", () => {
    expect(spread([4, 1, 3, 2])).toEqual({ median: 2.5, least: 1, most: 4 });
    expect(spread([9, 1, 5])).toEqual({ median: 5, least: 1, most: 9 });
  });
});

test.skipIf(process.platform !== "linux")(
  "the CPU of a process is that of all its threads, in seconds",
  () => {
    const { user, system } = process.cpuUsage();
    const seconds = cpuSeconds([process.pid]);
    // Other threads go on between the two readings; minutes instead of seconds, or ticks, are far away.
    expect(seconds / ((user + system) / 1e6)).toBeGreaterThan(0.8);
    expect(seconds / ((user + system) / 1e6)).toBeLessThan(1.25);
  },
);
