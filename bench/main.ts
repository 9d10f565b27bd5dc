import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { fileURLToPath } from "node:url";
import { inspect, parseArgs } from "node:util";
import { messageOf } from "../src/base/errors.ts";
import { setup as build } from "../test/support/build.ts";
import { createWorld } from "../test/support/world.ts";
import type { Benchmark, Run } from "./benchmark.ts";
import { benchmarks } from "./benchmarks.ts";
import { circumstances } from "./machine.ts";
import { withSection } from "./report.ts";

// npm run bench -- [NAME...] [--rounds N] [--seconds N] [--quick] [--note TEXT]: docs/benchmarks.md

const RESULTS = fileURLToPath(new URL("RESULTS.md", import.meta.url));
const HEAD = `# Results of the benchmarks

Written by \`npm run bench\`, a section by each; [docs/benchmarks.md](../docs/benchmarks.md) tells how to read them.
Numbers of two runs, or of two machines, are not to be compared; ratios within a run are.
`;
const USAGE = 2;

const INTERRUPTED = 130;

type Options = Pick<Run, "rounds" | "seconds" | "isQuick"> & { readonly note: string };

let isInterrupted = false;

/** Also the place where a benchmark ends that was interrupted, so that it can take down what it has put up. */
function say(text: string): void {
  process.stderr.write(`${text}\n`);
  if (isInterrupted) throw new Error("Cannot go on: interrupted");
}

function list(): void {
  const width = Math.max(...benchmarks.map(({ name }) => name.length));
  for (const { name, summary, missing } of benchmarks) {
    const reason = missing();
    const not = reason === undefined ? "" : ` [can't run here: ${reason}]`;
    process.stdout.write(`${name.padEnd(width)}  ${summary}${not}\n`);
  }
}

async function run(benchmark: Benchmark, options: Options) {
  const before = circumstances(benchmark.isByCount ? undefined : options);
  const world = createWorld();
  try {
    const place = {
      folder: world.folder,
      run: world.host.run,
      start: world.host.start,
      write: world.write,
    };
    const seen = await benchmark.run({ world, place, say, ...options });
    const load = `At its end, with its own: ${loadavg()[0]!.toFixed(2)}.`;
    const body = `${options.note === "" ? "" : `**${options.note}**\n\n`}${before} ${load}\n\n${seen}`;
    const document = existsSync(RESULTS) ? readFileSync(RESULTS, "utf8") : HEAD;
    writeFileSync(RESULTS, withSection(document, benchmark.name, body));
    process.stdout.write(`## ${benchmark.name}\n\n${body}\n`);
  } finally {
    await world.destroy();
  }
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "5" },
    quick: { type: "boolean", default: false },
    note: { type: "string", default: "" },
  },
});
const chosen = positionals.map((name) => benchmarks.find((benchmark) => benchmark.name === name));
const unknown = positionals.find((_, index) => chosen[index] === undefined);
const reason = chosen.map((benchmark) => benchmark?.missing()).find((missing) => missing !== undefined);
if (positionals.length === 0) list();
else if (unknown !== undefined) {
  say(`Cannot run ${unknown}: there is no such benchmark\n  remedy: npm run bench, which lists them`);
  process.exitCode = USAGE;
} else if (reason !== undefined) {
  say(`Cannot run the benchmark: ${reason}\n  remedy: install it, run as root`);
  process.exitCode = USAGE;
} else {
  build();
  const [rounds, seconds] = values.quick ? [1, 1] : [Number(values.rounds), Number(values.seconds)];
  const options = { rounds, seconds, isQuick: values.quick, note: values.note };
  process.on("SIGINT", () => {
    isInterrupted = true;
  });
  try {
    for (const benchmark of chosen) await run(benchmark!, options);
  } catch (error) {
    process.stderr.write(`${isInterrupted ? messageOf(error) : inspect(error)}\n`);
    process.exitCode = isInterrupted ? INTERRUPTED : 1;
  }
}
