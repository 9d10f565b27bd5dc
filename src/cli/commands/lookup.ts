import { randomInt } from "node:crypto";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { type Command, Option } from "commander";
import { systemClock } from "../../base/clock.ts";
import { CodedError } from "../../base/errors.ts";
import { causes } from "../../libc/causes.ts";
import { type Libc, type LookupFiles, type LookupResult, lookup, stubConf } from "../../libc/lookup.ts";
import { nodeNetwork } from "../../libc/node-network.ts";
import { nodeSorter } from "../../libc/node-sorter.ts";
import { recordingNetwork } from "../../libc/recording-network.ts";
import { simulatedNetwork } from "../../libc/simulated-network.ts";
import type { LookupRequest } from "../../libc/stub.ts";
import type { TimelineEvent } from "../../libc/timeline.ts";
import { virtualClock } from "../../libc/virtual-clock.ts";
import { type Wait, waits } from "../../libc/waits.ts";
import { type Remedy, remedies } from "../../libc/what-if.ts";
import { ExitCode } from "../exit-codes.ts";
import { type Output, outputOf, printable } from "../output.ts";

interface Options extends Pick<LookupRequest, "family" | "addrconfig" | "v4mapped" | "all"> {
  readonly resolvConf: string;
  readonly gaiConf: string;
  readonly hosts: string;
  readonly libc: Libc;
  readonly patience: number;
}

/** What `--json` shows. */
interface LookupReport extends LookupResult {
  readonly libc: Libc;
  readonly waits: readonly Wait[];
  readonly causes: readonly string[];
  readonly remedies: readonly Remedy[];
  /** What the files say and this libc does not do. */
  readonly notes: readonly string[];
}

/** Longer than the kernel tries to open a connection (some 135 s), which is the longest that a libc waits and ends. */
const PATIENCE_S = 150;

export function lookupCommand(program: Command): Command {
  return program
    .command("lookup <name>")
    .description(
      "a getaddrinfo as a libc does it, over the network, with all it sends, waits for and makes of it",
    )
    .option("--resolv-conf <file>", "another resolv.conf", "/etc/resolv.conf")
    .option("--gai-conf <file>", "another gai.conf (glibc only)", "/etc/gai.conf")
    .option("--hosts <file>", "another hosts file", "/etc/hosts")
    .addOption(
      new Option("--family <family>", "whose addresses").choices(["any", "inet", "inet6"]).default("any"),
    )
    .option("--addrconfig", "AI_ADDRCONFIG: only families that this host has", false)
    .option(
      "--v4mapped",
      "AI_V4MAPPED: for inet6, IPv4 addresses in IPv6 form if there is nothing else",
      false,
    )
    .option("--all", "AI_ALL: with --v4mapped, those as well as the IPv6 addresses", false)
    .addOption(
      new Option("--libc <libc>", "glibc: 2.36; musl: 1.2.4 and later; musl-1.2.3: before")
        .choices(["glibc", "musl", "musl-1.2.3"])
        .default("glibc"),
    )
    .addOption(
      new Option("--patience <seconds>", "when to stop where libc would wait for ever")
        .argParser(readSeconds)
        .default(PATIENCE_S),
    )
    .addHelpText(
      "after",
      "\nExamples:\n" + "  eleven lookup localhost\n" + "  eleven lookup localhost --libc musl --json",
    )
    .action(async (name: string, options: Options, command: Command) => {
      const output = outputOf(command);
      const report = await run(name, options, command);
      output.print(report, () => describe(name, report, output));
      process.exitCode = report.error === null ? ExitCode.DONE : ExitCode.NO;
    });
}

async function run(name: string, options: Options, command: Command): Promise<LookupReport> {
  const { libc, family, addrconfig, v4mapped, all } = options;
  const read = (option: "resolvConf" | "gaiConf" | "hosts", flag: string) =>
    readFile(options[option], flag, command.getOptionValueSource(option) === "default");
  const files = {
    resolvConf: read("resolvConf", "--resolv-conf"),
    hosts: read("hosts", "--hosts"),
    hostname: hostname(),
  };
  const sort = nodeSorter(libc, read("gaiConf", "--gai-conf"));
  const request = { name, family, addrconfig, v4mapped, all };
  const network = nodeNetwork();
  const recording = recordingNetwork(network, systemClock);
  const environment = {
    clock: systemClock,
    network: recording.network,
    random: () => randomInt(65_536),
    sort,
  };

  const patience = new AbortController();
  const stop = () => patience.abort();
  const cancel = systemClock.after(options.patience * 1000, stop);
  process.once("SIGINT", stop);
  await warmUp(request, libc, files);
  const result = await lookup(request, libc, files, environment, patience.signal);
  process.off("SIGINT", stop);
  cancel();
  const localAddresses = network.localAddresses();
  network.closeAll();
  return {
    ...result,
    ms: Math.round(result.ms * 1000) / 1000,
    libc,
    waits: waits(result),
    causes: causes(result, recording.observations, libc),
    remedies: await remedies({ request, libc, files, recording, localAddresses }),
    notes: stubConf(libc, files).ignored,
  };
}

/**
 * The same lookup without a network, before the real one: code that runs for the first time is slow, and the first
 * answers would look so.
 */
async function warmUp(request: LookupRequest, libc: Libc, files: LookupFiles): Promise<void> {
  const clock = virtualClock();
  const network = simulatedNetwork(
    clock,
    { receive: () => undefined, connect: () => undefined, unreachable: () => undefined },
    [],
  );
  const environment = { clock, network, random: () => randomInt(65_536), sort: async () => [] };
  await clock.run(lookup(request, libc, files, environment), WARM_UP_MS);
  (await nodeNetwork().udp(4, undefined, () => {})).close();
}

/** Of the clock's; a few timeouts. */
const WARM_UP_MS = 30_000;

function readSeconds(text: string): number {
  const seconds = Number(text);
  if (seconds > 0 && seconds < 1e6) return seconds;
  throw new CodedError("USAGE", `Cannot wait --patience ${text}: not a number of seconds`, {
    remedy: "give a number above 0",
  });
}

/** A missing file is an empty one to libc; one that somebody has named should be there. */
function readFile(path: string, flag: string, isDefault: boolean): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (isDefault && code === "ENOENT") return "";
    throw new CodedError("USAGE", `Cannot read ${path}: ${code}`, {
      remedy: `name another file with ${flag}`,
      cause,
    });
  }
}

function describe(name: string, report: LookupReport, output: Output): string {
  const { addresses, error, ms, timeline, notes } = report;
  const outcome = error === null ? output.good(addresses.join(" ")) : output.bad(error);
  return [
    `${printable(name) || '""'} by ${report.libc}: ${outcome} after ${seconds(ms)}`,
    "",
    ...timeline.map((event) => describeEvent(event, output)),
    ...section(
      `Where ${seconds(ms)} went`,
      report.waits.map(
        ({ ms: spent, times, text }) => `${seconds(spent)}  ${times > 1 ? `${times} times ` : ""}${text}`,
      ),
    ),
    ...section("Why", report.causes),
    ...section("What would change it, the servers being as they are", report.remedies.map(describeRemedy)),
    ...section("Not done", notes),
  ]
    .map((line) => line.trimEnd())
    .join("\n");
}

function section(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  ${printable(line)}`)];
}

function describeRemedy({ change, ms, addresses, error }: Remedy): string {
  return `${seconds(ms)}  ${change}: ${error ?? addresses.join(" ")}`;
}

/** When, which way, what; and the pair of sockets at the end. */
function describeEvent(event: TimelineEvent, output: Output): string {
  const {
    atMs,
    event: kind,
    server,
    transport,
    socket,
    qname,
    qtype,
    rcode,
    answers,
    waitedMs,
    text,
  } = event;
  const arrow = kind === "send" ? "->" : kind === "receive" ? "<-" : "  ";
  const words = [
    ...(kind === "send" || kind === "receive" || kind === "hosts" ? [] : [kind]),
    ...(qtype === null ? [] : [qtype]),
    ...(qname === null ? [] : [qname]),
    ...(rcode === null ? [] : [rcode]),
    ...(answers ?? []),
    ...(waitedMs === null ? [] : [`after ${seconds(waitedMs)}`]),
    ...(text === null ? [] : [`(${text})`]),
  ];
  const where = [transport, socket, server === null ? null : `${arrow.trim() || "-"} ${server}`].filter(
    (it) => it !== null,
  );
  const line = printable(words.join(" "));
  return `${(atMs / 1000).toFixed(3).padStart(9)} s ${arrow} ${line}${where.length === 0 ? "" : `  ${output.dim(printable(where.join(" ")))}`}`;
}

function seconds(ms: number): string {
  return ms < 100 ? `${ms.toFixed(1)} ms` : `${(ms / 1000).toFixed(1)} s`;
}
