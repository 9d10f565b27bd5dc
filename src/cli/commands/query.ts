import type { Command } from "commander";
import type { QueryReport } from "../../api/control.ts";
import { ExitCode } from "../exit-codes.ts";
import { type Output, outputOf, printable } from "../output.ts";

export function queryCommand(program: Command): Command {
  return program
    .command("query <name> [type]")
    .description("the answer that a container gets; without --from, the host's view")
    .option("--from <container>", "name or id of the container that asks")
    .addHelpText("after", "\nExamples:\n  eleven query web.shop\n  eleven query web AAAA --from web-1 --json")
    .action(async (name: string, type: string | undefined, options: { from?: string }, command: Command) => {
      const output = outputOf(command);
      const report = await output.client.query({ name, type: type ?? "A", from: options.from });
      output.print(report, () => describeAnswer(report, output));
      process.exitCode = report.rcode === "NOERROR" ? ExitCode.DONE : ExitCode.NO;
    });
}

/** Records as in a zone file, and what came of the query. */
export function describeAnswer(report: QueryReport, output: Output): string {
  const rows = [...report.answers, ...report.authority].map(({ name, ttl, type, data }) =>
    [name, ttl, "IN", type, data].join(" "),
  );
  const rcode = report.rcode === "NOERROR" ? output.good(report.rcode) : output.bad(report.rcode);
  const nodata =
    report.rcode === "NOERROR" && report.answers.length === 0 ? " (the name has no such record)" : "";
  const origin = report.upstream === null ? report.origin : `${report.origin} ${report.upstream}`;
  const ede = report.ede.map(({ code, text }) => `; EDE ${code}: ${printable(text)}`);
  return [...rows, `; ${rcode}${nodata} from ${origin} in ${report.ms.toFixed(1)} ms`, ...ede].join("\n");
}
