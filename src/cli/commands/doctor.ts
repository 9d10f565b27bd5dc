import type { Command } from "commander";
import type { DoctorProgress } from "../../api/control.ts";
import type { DoctorReport, Finding } from "../../diagnose/finding.ts";
import { ExitCode } from "../exit-codes.ts";
import { type Output, outputOf, printable } from "../output.ts";

export function doctorCommand(program: Command): Command {
  return program
    .command("doctor")
    .description("looks for the known ways container DNS goes wrong; changes nothing")
    .addHelpText("after", "\nExamples:\n  eleven doctor\n  eleven doctor --json")
    .action(async (_options: object, command: Command) => {
      const output = outputOf(command);
      const progress = progressLine();
      const report = await output.client.doctor(progress.tell).finally(progress.wipe);
      output.print(report, () => describe(report, output));
      process.exitCode = report.findings.length > 0 ? ExitCode.NO : ExitCode.DONE;
    });
}

/** One line on a terminal that says how far it is; elsewhere nothing. */
function progressLine(): { tell(progress: DoctorProgress): void; wipe(): void } {
  const { stderr } = process;
  let done = 0;
  const write = (line: string): void => {
    if (stderr.isTTY === true) stderr.write(`\r\u{1b}[K${line}`);
  };
  write("looking ...");
  return {
    tell({ checked, of }) {
      done += 1;
      write(`looking ... ${done} of ${of} checks done (${checked.code})`);
    },
    wipe: () => write(""),
  };
}

function describe({ findings, checks, entered, notEntered, ms }: DoctorReport, output: Output): string {
  const count = (state: string) => checks.filter((check) => check.state === state).length;
  const summary = `${checks.length} checks of ${entered} ${entered === 1 ? "container" : "containers"} in ${(ms / 1000).toFixed(1)} s: ${count("ok")} ok, ${count("found")} found something, ${count("skipped")} skipped`;
  const skipped = checks
    .filter(({ state }) => state === "skipped")
    .map(({ code, reason }) => output.dim(`skipped ${code}: ${printable(reason ?? "")}`));
  const last = [summary, ...unseen(notEntered, output), ...skipped].join("\n");
  return [...findings.map((finding) => paragraph(finding, output)), last].join("\n\n");
}

/** Without root it is every container, and the first few say enough. */
const UNSEEN_MAX = 10;

/** Coloured, since "no findings" says nothing of these. */
function unseen(notEntered: DoctorReport["notEntered"], output: Output): string[] {
  const lines = notEntered
    .slice(0, UNSEEN_MAX)
    .map(({ container, reason }) =>
      output.bad(`not looked into ${printable(container)}: ${printable(reason)}`),
    );
  const others = notEntered.length - UNSEEN_MAX;
  return others > 0 ? [...lines, output.bad(`nor into ${others} more, which --json names`)] : lines;
}

function paragraph({ severity, code, subject, text, evidence, remedy }: Finding, output: Output): string {
  const colour = severity === "info" ? output.dim : output.bad;
  return [
    `${colour(severity)} ${code}: ${printable(subject)}`,
    `  ${printable(text)}`,
    ...Object.entries(evidence).map(([name, value]) => output.dim(`  ${name}: ${short(value)}`)),
    `  remedy: ${printable(remedy)}`,
  ].join("\n");
}

/** So much of a value fits a line. */
const LINE = 160;

function short(value: unknown): string {
  const plain = Array.isArray(value) && value.every((each) => typeof each !== "object");
  const text = plain ? value.join(", ") : typeof value === "string" ? value : JSON.stringify(value);
  return printable(text.length > LINE ? `${text.slice(0, LINE - 3)}...` : text);
}
