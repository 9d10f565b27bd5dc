import { readFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { CodedError } from "../../base/errors.ts";
import { parseGaiConf } from "../../libc/gai-conf.ts";
import { type IpAddress, ipAddress } from "../../libc/ip-address.ts";
import { GLIBC_TABLES } from "../../libc/policy-tables.ts";
import { RULES, type SortedAddress, sortAddresses } from "../../libc/sort-addresses.ts";
import { readSourceAddress, type SourceAddress, sourceFor } from "../../libc/source-address.ts";
import { outputOf, printable, table } from "../output.ts";

interface Options {
  readonly sources: SourceAddress[];
  readonly gaiConf?: string;
  readonly libc: "glibc" | "musl";
}

/** What `--json` shows of an address. */
interface AddressReport {
  readonly address: string;
  readonly source: string | null;
  readonly label: number;
  readonly precedence: number;
  readonly scope: number;
  readonly rule: number | null;
  /** The rule in words. */
  readonly reason: string | null;
}

export function sortAddressesCommand(program: Command): Command {
  return program
    .command("sort-addresses <destinations...>")
    .description("the order in which getaddrinfo returns these addresses, and why (RFC 6724); offline")
    .addOption(
      new Option(
        "--sources <addresses>",
        "the host's own addresses, as A,B (repeatable); with /24 or /64 behind each as `ip address` shows them, " +
          "and +deprecated or +home",
      )
        .argParser(readSources)
        .makeOptionMandatory(),
    )
    .option("--gai-conf <file>", "a gai.conf instead of glibc's own tables")
    .addOption(new Option("--libc <libc>", "whose getaddrinfo").choices(["glibc", "musl"]).default("glibc"))
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  eleven sort-addresses --sources 10.5.0.2/24,fd05::2/64 10.5.0.9 fd05::9\n" +
        "  eleven sort-addresses --libc musl --sources 10.5.0.2/24,fd05::2/64 10.5.0.9 fd05::9 --json",
    )
    .action((texts: string[], { sources, gaiConf, libc }: Options, command: Command) => {
      const output = outputOf(command);
      const destinations = texts.map((text) => {
        const address = readAddress(text);
        return { address, source: sourceFor(address, sources) };
      });
      const conf = gaiConf === undefined ? undefined : parseGaiConf(readGaiConf(gaiConf));
      const hasIpv6 = sources.some(({ address }) => address.family === 6 && address.text !== "::1");
      const tables = conf?.tables ?? GLIBC_TABLES;
      const sorted = sortAddresses(destinations, libc === "musl" ? { libc } : { libc, tables, hasIpv6 });
      output.print(sorted.map(report), () => describe(sorted.map(report)));
      if (output.options.json === true) return;
      const notes =
        conf !== undefined && libc === "musl"
          ? [`musl reads no gai.conf: ${gaiConf} changes nothing`]
          : (conf?.ignored ?? []).map(
              ({ line, text, reason }) =>
                `${gaiConf}:${line}: glibc ignores ${JSON.stringify(text)}: ${reason}`,
            );
      for (const note of notes) process.stderr.write(`note: ${printable(note)}\n`);
    });
}

function report({ address, source, label, precedence, scope, rule }: SortedAddress): AddressReport {
  return {
    address: address.text,
    source: source?.address.text ?? null,
    label,
    precedence,
    scope,
    rule,
    reason: rule === null ? null : RULES[rule]!,
  };
}

function describe(addresses: readonly AddressReport[]): string {
  return table(
    ["address", "source", "label", "precedence", "scope", "before the next by"],
    addresses.map(({ address, source, label, precedence, scope, rule, reason }) => [
      address,
      source ?? "unreachable",
      String(label),
      String(precedence),
      String(scope),
      rule === null ? "" : `rule ${rule}: ${reason}`,
    ]),
    "no addresses",
  );
}

function readAddress(text: string): IpAddress {
  const address = ipAddress(text);
  if (address !== undefined) return address;
  throw new CodedError("USAGE", `Cannot sort ${JSON.stringify(text)}: not an IP address`, {
    remedy: "give addresses like 10.0.0.1 or fd00::1; `eleven lookup` takes names",
  });
}

function readSources(list: string, before: SourceAddress[] | undefined): SourceAddress[] {
  const texts = list.split(",").filter((text) => text.trim() !== "");
  return [
    ...(before ?? []),
    ...texts.map((text) => {
      const source = readSourceAddress(text.trim());
      if (source !== undefined) return source;
      const message = `Cannot use --sources ${JSON.stringify(text)}: not an IP address`;
      const remedy =
        "give the host's addresses like 10.0.0.2,fd00::2, or with their subnets: 10.0.0.2/24,fd00::2/64";
      throw new CodedError("USAGE", message, { remedy });
    }),
  ];
}

function readGaiConf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const remedy = "name another file with --gai-conf, or leave it out for glibc's own tables";
    throw new CodedError("USAGE", `Cannot read ${path}: ${code}`, { remedy, cause });
  }
}
