import { Command, CommanderError, Option } from "commander";
import { CodedError } from "../base/errors.ts";
import { defaultSocket } from "../config/socket-path.ts";
import { version } from "../version.ts";
import { attachCommand, detachCommand } from "./commands/attach.ts";
import { cacheCommand } from "./commands/cache.ts";
import { completeCommand, completionCommand } from "./commands/completion.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { explainCommand } from "./commands/explain.ts";
import { historyCommand } from "./commands/history.ts";
import { lookupCommand } from "./commands/lookup.ts";
import { queryCommand } from "./commands/query.ts";
import { recordsCommand } from "./commands/records.ts";
import { resolvconfCommand } from "./commands/resolvconf.ts";
import { resolvedCommand } from "./commands/resolved.ts";
import { serveCommand } from "./commands/serve.ts";
import { sortAddressesCommand } from "./commands/sort-addresses.ts";
import { statusCommand } from "./commands/status.ts";
import { watchCommand } from "./commands/watch.ts";
import { ExitCode, exitCodeOf } from "./exit-codes.ts";
import { printError } from "./output.ts";

const program = new Command("eleven")
  .description("The DNS server at 127.0.0.11 that you can see into")
  .version(version)
  .addOption(
    new Option("--socket <path>", "control socket of the daemon").default(undefined, defaultSocket()),
  )
  .option("--json", "one JSON document on stdout, and nothing else there")
  .option("--no-color", "plain text")
  .exitOverride()
  .configureOutput({
    outputError: (text, write) =>
      write(`${text.replace(/^error: /, "").trimEnd()}\n  remedy: see eleven --help\n`),
  });

for (const add of [
  serveCommand,
  statusCommand,
  queryCommand,
  explainCommand,
  recordsCommand,
  historyCommand,
  watchCommand,
  doctorCommand,
  attachCommand,
  detachCommand,
  cacheCommand,
  resolvconfCommand,
  resolvedCommand,
  lookupCommand,
  sortAddressesCommand,
  completionCommand,
  completeCommand,
]) {
  add(program).exitOverride();
}

// `eleven records | head -1`: whoever has read enough closes the pipe, and there is nobody left to complain to.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE")
    printError(new CodedError("OUTPUT", `Cannot write the output: ${error.message}`));
  process.exit(error.code === "EPIPE" ? process.exitCode : ExitCode.USAGE);
});

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError)
    process.exitCode = error.exitCode === 0 ? ExitCode.DONE : ExitCode.USAGE;
  else {
    printError(error);
    process.exitCode = exitCodeOf(error);
  }
}
