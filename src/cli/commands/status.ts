import { type Command, InvalidArgumentError } from "commander";
import type { StatusReport } from "../../api/control.ts";
import { age } from "../age.ts";
import { ExitCode } from "../exit-codes.ts";
import { type Output, outputOf, table } from "../output.ts";

const POLL_MS = 100;

export function statusCommand(program: Command): Command {
  return program
    .command("status")
    .description("ready or not, since when, sources, containers attached, upstreams")
    .option("--wait <seconds>", "wait until ready, at most so long", seconds)
    .addHelpText("after", "\nExamples:\n  eleven status\n  eleven status --wait 10 --json")
    .action(async (options: { wait?: number }, command: Command) => {
      const output = outputOf(command);
      const report = await ready(output, performance.now() + (options.wait ?? 0) * 1000);
      output.print(report, () => describe(report, output));
      process.exitCode = report.ready ? ExitCode.DONE : ExitCode.NO;
    });
}

/** The first report that says ready, or the last before the deadline. A daemon that isn't there yet may come. */
async function ready(output: Output, deadline: number): Promise<StatusReport> {
  for (;;) {
    const last = performance.now() >= deadline;
    try {
      const report = await output.client.status();
      if (report.ready || last) return report;
    } catch (error) {
      if (last) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

function describe(report: StatusReport, output: Output): string {
  const state = report.ready ? output.good("ready") : output.bad("not ready");
  const { containers } = report;
  return [
    `${state} since ${report.since}, revision ${report.revision}, ${containers} container${containers === 1 ? "" : "s"}`,
    output.dim(
      `eleven ${report.version}, pid ${report.pid}, listening on ${report.listeners.join(", ") || "nothing"}`,
    ),
    ...(report.dataplane.state === "up"
      ? []
      : [output.bad("the data plane hangs, and is being started anew")]),
    ...nodeLocal(report.nodeLocal, output),
    "",
    table(
      ["source", "state", "last sync", "error"],
      report.sources.map(({ name, state, since, lastSync, error }) => [
        name,
        since === undefined ? state : `${state} for ${age(since)}`,
        lastSync ?? "never",
        error ?? "",
      ]),
      "no sources",
    ),
    "",
    table(
      ["upstream", "state", "rtt", "remark"],
      upstreams(report.upstreams),
      "no upstreams: names outside the registry can't be resolved",
    ),
    "",
    table(
      ["attached", "state", "reason"],
      attachments(report.attachments),
      "no container's 127.0.0.11 is taken over",
    ),
  ].join("\n");
}

/** By name; where several are called so, by the keys that `eleven detach` takes as well. */
export function attachments(reports: StatusReport["attachments"]): string[][] {
  const isShared = (name: string) => reports.filter(({ container }) => container === name).length > 1;
  return reports.map(({ container, sandbox, state, reason }) => [
    isShared(container) ? (sandbox ?? container) : container,
    state,
    reason ?? "",
  ]);
}

/** From whose namespace, as `attachments`. */
export function upstreams(reports: StatusReport["upstreams"]): string[][] {
  const isShared = (name: string, key: string) =>
    reports.some(({ scope, sandbox }) => scope === name && sandbox !== null && sandbox !== key);
  return reports.map(({ address, scope, sandbox, state, rttMs, reason, remedy, silentOn }) => [
    sandbox === null ? address : `${address} from ${isShared(scope, sandbox) ? sandbox : scope}`,
    state,
    rttMs === null ? "-" : `${rttMs.toFixed(1)} ms`,
    reason === null ? silentOn.map((what) => `silent on ${what}`).join(", ") : `${reason}: ${remedy}`,
  ]);
}

function nodeLocal(report: StatusReport["nodeLocal"], output: Output): string[] {
  if (report === null) return [];
  const { address, intercept, interface: name, state, reason } = report;
  const also = intercept.length === 0 ? "" : `, intercepting ${intercept.join(", ")}`;
  return state === "up"
    ? [output.dim(`node-local: ${address}${also}, on ${name}`)]
    : [output.bad(`node-local: ${address}${also} withdrawn: ${reason}`)];
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("a number of seconds is wanted.");
}
