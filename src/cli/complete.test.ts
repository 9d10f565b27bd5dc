import { Argument, Command, Option } from "commander";
import { expect, test } from "vitest";
import { complete } from "./complete.ts";

const program = new Command("eleven").option("--socket <path>").option("--json", "one JSON document");
program.command("query <name> [type]").option("--from <container>", "whose view");
program.command("attach <containers...>");
program.command("cache").command("flush [name]").description("empties it");
program.command("resolvconf").addOption(new Option("--mode <mode>", "which").choices(["embedded", "legacy"]));
program.command("completion").addArgument(new Argument("<shell>").choices(["bash", "zsh"]));
program.command("__complete", { hidden: true });

let asked: (string | undefined)[] = [];

async function values(line: string): Promise<string> {
  asked = [];
  const found = await complete(program, line.split(" "), async (socket) => {
    asked.push(socket);
    return ["db", "web-1", "web-2"];
  });
  return typeof found === "string" ? `:${found}` : found.map(({ value }) => value).join(" ");
}

test.each([
  ["", "query attach cache resolvconf completion help"],
  ["c", "cache completion"],
  ["qury w", ""],
  ["--json qu", "query"],
  ["--", "--socket --json --help"],
  ["query --", "--from --help --socket --json"],
  ["query -- --", ""],
  ["query web ", ""],
  ["query web --from ", "db web-1 web-2"],
  ["query web --from web", "web-1 web-2"],
  ["query --from=web", "--from=web-1 --from=web-2"],
  ["query --from = web", "web-1 web-2"],
  ["query --from =", "db web-1 web-2"],
  ["attach ", "db web-1 web-2"],
  ["attach db --json w", "web-1 web-2"],
  ["cache ", "flush help"],
  ["cache flush --s", "--socket"],
  ["resolvconf --mode ", "embedded legacy"],
  ["resolvconf --mode=l", "--mode=legacy"],
  ["resolvconf --nonesuch=l", ""],
  ["resolvconf x", ""],
  ["completion b", "bash"],
  ["--socket ", ":files"],
  ["query --socket=/run/", ":files"],
])("%j is completed with %j", async (line, expected) => {
  expect(await values(line)).toBe(expected);
});

test("the daemon is asked at the socket that is named, and only for containers", async () => {
  await values("--socket /run/a attach ");
  expect(asked).toEqual(["/run/a"]);
  await values("attach --socket=/run/b ");
  expect(asked).toEqual(["/run/b"]);
  await values("attach ");
  expect(asked).toEqual([undefined]);
  await values("resolvconf --mode ");
  expect(asked).toEqual([]);
});

test("commands and options come with their descriptions", async () => {
  const none = async () => [];
  expect(await complete(program, ["cache", "f"], none)).toEqual([
    { value: "flush", description: "empties it" },
  ]);
  expect(await complete(program, ["query", "--f"], none)).toEqual([
    { value: "--from", description: "whose view" },
  ]);
});
