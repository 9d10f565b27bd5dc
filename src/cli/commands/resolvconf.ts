import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { CodedError } from "../../base/errors.ts";
import { containerResolvConf } from "../../sandbox/resolvconf.ts";
import { outputOf, printable } from "../output.ts";

interface Options {
  readonly host: string;
  readonly dns: string[];
  readonly dnsSearch: string[];
  readonly dnsOption: string[];
  readonly mode: "embedded" | "legacy";
  readonly ipv6: boolean;
}

const collect = (value: string, before: string[]): string[] => [...before, value];

export function resolvconfCommand(program: Command): Command {
  return program
    .command("resolvconf")
    .description("the resolv.conf a container gets from this host's file; offline, no daemon")
    .option("--host <file>", "the host's resolv.conf", "/etc/resolv.conf")
    .option("--dns <ip>", "as docker run --dns (repeatable)", collect, [])
    .option("--dns-search <domain>", "as docker run --dns-search (repeatable)", collect, [])
    .option("--dns-option <option>", "as docker run --dns-option (repeatable)", collect, [])
    .addOption(
      new Option("--mode <mode>", "embedded: 127.0.0.11 on user networks; legacy: the default bridge")
        .choices(["embedded", "legacy"])
        .default("embedded"),
    )
    .option("--ipv6", "the container has IPv6", false)
    .addHelpText(
      "after",
      "\nExamples:\n  eleven resolvconf --host /etc/resolv.conf\n  eleven resolvconf --mode legacy --dns 10.0.0.1 --json",
    )
    .action((options: Options, command: Command) => {
      const { host, dns, dnsSearch, dnsOption, mode, ipv6 } = options;
      const output = outputOf(command);
      const hostText = readHostFile(host);
      const conf = containerResolvConf({
        hostText: hostText ?? "",
        hostPath: host,
        dns,
        dnsSearch,
        dnsOptions: dnsOption,
        mode,
        ipv6,
      });
      const missing = hostText === undefined ? [`${host} does not exist, which counts as an empty file`] : [];
      const made = { ...conf, notes: [...missing, ...conf.notes] };
      output.print(made, () => made.text.trimEnd().split("\n").map(printable).join("\n"));
      if (output.options.json !== true)
        for (const note of made.notes) process.stderr.write(`note: ${printable(note)}\n`);
    });
}

/** Undefined for a missing file; one that can't be read is an error. */
function readHostFile(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    throw new CodedError("USAGE", `Cannot read ${path}: ${code}`, {
      remedy: "name another file with --host",
      cause,
    });
  }
}
