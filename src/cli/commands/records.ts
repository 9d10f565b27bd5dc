import type { Command } from "commander";
import type { RecordFilter } from "../../api/control.ts";
import { age } from "../age.ts";
import { outputOf, table } from "../output.ts";

export function recordsCommand(program: Command): Command {
  return program
    .command("records [name]")
    .description("what the registry holds, and who put it there")
    .option("--network <network>", "only of this network")
    .option("--container <container>", "only of this container")
    .addHelpText("after", "\nExamples:\n  eleven records\n  eleven records web --network shop --json")
    .action(async (name: string | undefined, options: RecordFilter, command: Command) => {
      const output = outputOf(command);
      const records = await output.client.records({ ...options, name });
      output.print(records, () =>
        table(
          ["network", "name", "kind", "addresses", "container", "source", "since", "revision"],
          records.map((record) => [
            record.network,
            record.name,
            record.kind,
            record.addresses.join(" "),
            record.container,
            record.verified
              ? record.source
              : `${record.source} (not verified for ${age(record.verifiedAt ?? record.since)})`,
            record.since,
            String(record.revision),
          ]),
          "no such records",
        ),
      );
    });
}
