import type { Command } from "commander";
import type { ExplainReport } from "../../api/control.ts";
import { ExitCode } from "../exit-codes.ts";
import { explanation } from "../explanation.ts";
import { type Output, outputOf, printable } from "../output.ts";
import { drawTree } from "../tree.ts";
import { describeAnswer } from "./query.ts";

export function explainCommand(program: Command): Command {
  return program
    .command("explain <name> [type]")
    .description("a query with every decision on its way, and who bound what is answered, when and why")
    .option("--from <container>", "name or id of the container that asks")
    .addHelpText(
      "after",
      "\nExamples:\n  eleven explain web --from web-1\n  eleven explain web.shop --json\n  eleven explain 10.5.0.2",
    )
    .action(async (name: string, type: string | undefined, options: { from?: string }, command: Command) => {
      const output = outputOf(command);
      const report = await output.client.explain({ name, type, from: options.from });
      output.print(report, () => describe(report, output));
      process.exitCode = report.rcode === "NOERROR" ? ExitCode.DONE : ExitCode.NO;
    });
}

function describe(report: ExplainReport, output: Output): string {
  const { question, from, answeredAs, steps } = report;
  const expanded = answeredAs === question.name ? "" : `, answered as ${answeredAs}`;
  const title = printable(`${question.name} ${question.type} for ${from ?? "the host"}${expanded}`);
  return [title, "", drawTree(explanation(steps), output), "", describeAnswer(report, output)].join("\n");
}
