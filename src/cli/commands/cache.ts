import type { Command } from "commander";
import type { CacheReport } from "../../api/control.ts";
import { outputOf, table } from "../output.ts";

export function cacheCommand(program: Command): Command {
  const cache = program
    .command("cache")
    .description("what the cache holds and did; `cache flush` empties it")
    .addHelpText(
      "after",
      "\nExamples:\n  eleven cache\n  eleven cache --json\n  eleven cache flush www.example.org",
    )
    .action(async (_options: object, command: Command) => {
      const output = outputOf(command);
      const report = await output.client.cache();
      output.print(report, () => describe(report));
    });
  flushCommand(cache).exitOverride();
  return cache;
}

function flushCommand(cache: Command): Command {
  return cache
    .command("flush [name]")
    .description("forget one name with all its types, or everything")
    .addHelpText("after", "\nExamples:\n  eleven cache flush\n  eleven cache flush www.example.org --json")
    .action(async (name: string | undefined, _options: object, command: Command) => {
      const output = outputOf(command);
      const report = await output.client.flushCache(name);
      output.print(
        report,
        () => `forgotten: ${report.flushed} ${report.flushed === 1 ? "answer" : "answers"}`,
      );
    });
}

function describe(report: CacheReport): string {
  const { entries, bytes, maxBytes, hits, misses, joined, stale, failures, prefetches, evictions } = report;
  if (maxBytes === 0) return "the cache is switched off";
  const asked = hits + misses + stale + failures;
  const rate = asked === 0 ? "" : ` (${((100 * hits) / asked).toFixed(1)} %)`;
  const rows: [string, string][] = [
    ["entries", `${entries}, ${kibibytes(bytes)} of ${kibibytes(maxBytes)}`],
    ["hits", `${hits}${rate}`],
    ["misses", `${misses}, of which ${joined} joined a question in flight`],
    ["stale", String(stale)],
    ["failures", String(failures)],
    ["prefetches", String(prefetches)],
    ["evictions", String(evictions)],
  ];
  return table(["cache", ""], rows, "");
}

function kibibytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024)} KiB`;
}
