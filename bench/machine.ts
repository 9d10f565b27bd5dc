import { execFileSync } from "node:child_process";
import { cpus, loadavg, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { version } from "../src/version.ts";
import { compilerMissing, compilerVersion } from "./compile.ts";
import { dnsperfMissing, dnsperfVersion } from "./load/dnsperf.ts";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** What a number is worth nothing without: one paragraph, taken before the run. */
export function circumstances(inTurn: { rounds: number; seconds: number } | undefined): string {
  const processors = cpus();
  const tools = [
    `Node ${process.version.slice(1)}`,
    dnsperfMissing() ?? `dnsperf ${dnsperfVersion()}`,
    compilerMissing() ?? compilerVersion(),
  ];
  const gibibytes = (totalmem() / 2 ** 30).toFixed(0);
  return [
    `${new Date().toISOString().slice(0, 16).replace("T", " ")} UTC, eleven ${version} at ${commit()}.`,
    `${processors.length} x ${processors[0]?.model ?? "processor"}, ${gibibytes} GiB, Linux ${release()}; ${tools.join(", ")}.`,
    ...(inTurn === undefined ? [] : [roundsOf(inTurn)]),
    `Load before the run: ${loadavg()
      .map((load) => load.toFixed(2))
      .join(", ")}.`,
  ].join("\n");
}

const roundsOf = ({ rounds, seconds }: { rounds: number; seconds: number }): string =>
  `${rounds} rounds of ${seconds} s each, in turn; medians, least and most in brackets.`;

/** `bbf6c4c`, and a plus if the working tree is another. */
function commit(): string {
  const git = (...args: string[]): string =>
    execFileSync("git", ["-C", ROOT, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  try {
    const isOther =
      git("status", "--porcelain", "--", "src", "package-lock.json", "bench", ":!bench/RESULTS.md") !== "";
    return `${git("rev-parse", "--short", "HEAD")}${isOther ? "+" : ""}`;
  } catch {
    return "an unknown commit";
  }
}
