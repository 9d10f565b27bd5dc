import type { Command } from "commander";
import { outputOf, table } from "../output.ts";

export function historyCommand(program: Command): Command {
  return program
    .command("history [name]")
    .description("bindings added and removed, newest last, with their cause")
    .addHelpText("after", "\nExamples:\n  eleven history\n  eleven history web --json")
    .action(async (name: string | undefined, _options: object, command: Command) => {
      const output = outputOf(command);
      const history = await output.client.history(name);
      output.print(history, () =>
        table(
          ["at", "action", "network", "name", "address", "container", "cause", "revision"],
          history.map((entry) => [
            entry.at,
            entry.action,
            entry.network,
            entry.name,
            entry.address,
            entry.container,
            entry.cause,
            String(entry.revision),
          ]),
          "nothing has been bound or removed under that name",
        ),
      );
    });
}
