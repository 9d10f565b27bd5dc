import type { Command } from "commander";
import type { AttachReport } from "../../api/control.ts";
import { ExitCode } from "../exit-codes.ts";
import { type Output, outputOf, printable } from "../output.ts";

export function attachCommand(program: Command): Command {
  return program
    .command("attach <container...>")
    .description("take over 127.0.0.11 of running containers")
    .addHelpText("after", "\nExamples:\n  eleven attach web-1\n  eleven attach web-1 web-2 --json")
    .action(async (containers: string[], _options: object, command: Command) => {
      const output = outputOf(command);
      report(output, await output.client.attach(containers), "attached");
    });
}

export function detachCommand(program: Command): Command {
  return program
    .command("detach <container...>")
    .description("hand 127.0.0.11 of containers back")
    .addHelpText("after", "\nExamples:\n  eleven detach web-1\n  eleven detach web-1 web-2 --json")
    .action(async (containers: string[], _options: object, command: Command) => {
      const output = outputOf(command);
      report(output, await output.client.detach(containers), "detached");
    });
}

function report(output: Output, result: AttachReport, done: "attached" | "detached"): void {
  output.print(result, () =>
    [
      ...result.done.map((container) => `${printable(container)}: ${output.good(done)}`),
      ...result.failed.flatMap(({ container, reason, remedy }) => [
        `${printable(container)}: ${output.bad(`not ${done}`)}: ${printable(reason)}`,
        ...(remedy === undefined ? [] : [`  remedy: ${printable(remedy)}`]),
      ]),
    ].join("\n"),
  );
  process.exitCode = result.failed.length === 0 ? ExitCode.DONE : ExitCode.NO;
}
