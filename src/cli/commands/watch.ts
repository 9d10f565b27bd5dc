import { type Command, InvalidArgumentError } from "commander";
import type { WatchRequest } from "../../api/control.ts";
import { outputOf } from "../output.ts";
import { watchLines } from "../watch-lines.ts";

export function watchCommand(program: Command): Command {
  return program
    .command("watch")
    .description("the answers that are given, live, one a line")
    .option("--container <container>", "only to this one, by name or id")
    .option("--name <glob>", "only about such names, like '*.shop'")
    .option("--type <type>", "only of this type")
    .option("--rcode <rcode>", "only with this one, like NXDOMAIN")
    .option("--slow <milliseconds>", "only those that took so long, or longer", milliseconds)
    .addHelpText(
      "after",
      "\nExamples:\n  eleven watch --container web-1\n  eleven watch --name '*.shop' --json\n  eleven watch --slow 100",
    )
    .action(async (request: WatchRequest, command: Command) => {
      const output = outputOf(command);
      const lines = watchLines(output);
      const write = (line: string) => process.stdout.write(`${line}\n`);
      await output.client.watch(
        request,
        () => process.stderr.write("watching; Ctrl-C ends it\n"),
        (event) => write(output.options.json === true ? JSON.stringify(event) : lines(event)),
      );
      process.stderr.write("the daemon has ended\n");
    });
}

function milliseconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && Number.isFinite(value)) return value;
  throw new InvalidArgumentError("a number of milliseconds is wanted.");
}
