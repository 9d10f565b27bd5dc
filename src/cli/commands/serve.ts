import { existsSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { parseSocketAddress } from "../../base/address.ts";
import { systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import type { Config, SourceConfig } from "../../config/schema.ts";
import { defaultSocket } from "../../config/socket-path.ts";
import type { Daemon } from "../../daemon.ts";
import { packageFolder, version } from "../../version.ts";
import { ExitCode, exitCodeOf } from "../exit-codes.ts";
import { headStart } from "../head-start.ts";
import { linesToTry } from "../lines-to-try.ts";
import { type GlobalOptions, type Output, outputOf, printable, printError } from "../output.ts";

/** A daemon that can't end by itself is ended: SIGTERM promises two seconds. */
const STOP_DEADLINE_MS = 1900;

export function serveCommand(program: Command): Command {
  return program
    .command("serve")
    .description("run the daemon in the foreground")
    .option("--config <file>", "configuration; without it, what the machine offers")
    .addHelpText("after", "\nExamples:\n  eleven serve\n  eleven serve --config /etc/eleven/eleven.yaml")
    .action(async (options: { config?: string }, command: Command) => {
      const asUsual = headStart();
      await serve(options.config, outputOf(command)).finally(asUsual);
    });
}

/** Until it is ready; then the daemon goes on by itself. */
async function serve(path: string | undefined, output: Output): Promise<void> {
  // Only here: every other command would pay for the daemon's packages.
  const [{ loadConfig }, { startDaemon }, { createLog }] = await Promise.all([
    import("../../config/load.ts"),
    import("../../daemon.ts"),
    import("../log.ts"),
  ]);
  const log = createLog(output.options.color);
  const load = (): Config => configuration(loadConfig(path), path, output.options);
  const config = load();
  const stopping = new AbortController();
  const starting = startDaemon({ config, clock: systemClock, log, hurry: stopping.signal });
  handleSignals(starting, stopping, load, log);
  const daemon = await starting;
  if (stopping.signal.aborted) return;
  output.print(daemon.status(), () => banner(daemon, config));
}

/** With --config that file; without, what is found: a Docker engine, or else the example shop. */
function configuration(config: Config, path: string | undefined, { socket }: GlobalOptions): Config {
  const sources = path === undefined ? [found()] : config.sources;
  return { ...config, sources, ...(socket === undefined ? {} : { socket }) };
}

function found(): SourceConfig {
  const hasEngine = process.env.DOCKER_HOST !== undefined || existsSync("/var/run/docker.sock");
  if (hasEngine) return { kind: "docker", url: undefined };
  return { kind: "file", path: fileURLToPath(new URL("examples/shop.yaml", packageFolder)) };
}

/** From the very first moment: a signal to stop ends the start, too; one to reload takes effect when it is over. */
function handleSignals(
  starting: Promise<Daemon>,
  stopping: AbortController,
  load: () => Config,
  log: Logger,
): void {
  async function stop(signal: string): Promise<void> {
    if (stopping.signal.aborted) return;
    stopping.abort();
    log.info({ signal }, "stopping");
    setTimeout(() => process.exit(ExitCode.DONE), STOP_DEADLINE_MS).unref();
    try {
      await (await starting).close();
      process.exit(ExitCode.DONE);
    } catch (error) {
      printError(error);
      process.exit(exitCodeOf(error));
    }
  }
  async function reload(): Promise<void> {
    try {
      await (await starting).reload(load());
      log.info({}, "reloaded");
    } catch (error) {
      log.error({ reason: messageOf(error) }, "reload refused: the old configuration stays in force");
    }
  }
  process.on("SIGTERM", (signal) => void stop(signal));
  process.on("SIGINT", (signal) => void stop(signal));
  process.on("SIGHUP", () => void reload());
}

function banner(daemon: Daemon, config: Config): string {
  const { sources, containers, upstreams, listeners, attached } = daemon.status();
  const from = sources.map(({ name }) => near(name.replace(/^file:/, ""))).join(", ") || "no source";
  const hosts = upstreams.filter(({ sandbox }) => sandbox === null);
  const followed = config.upstreams === "host" ? ` (from ${config.resolvConf}, followed)` : "";
  const rows = [
    ["listening", listeners.length > 0 ? `${listeners.join(", ")} (udp, tcp)` : "nowhere but in containers"],
    ["upstreams", `${hosts.map(({ address }) => address).join(", ") || "none"}${followed}`],
    ["control", config.socket],
    ["attached", attached.join(", ") || "no container; each keeps the DNS server that it has"],
    ...tries(daemon, config).map((line, index) => [index === 0 ? "try" : "", line]),
  ];
  const lines = rows.map(([what = "", value = ""]) => `  ${what.padEnd(10)} ${printable(value)}`);
  return [`eleven ${version} serves ${containers} containers from ${printable(from)}`, ...lines].join("\n");
}

function tries(daemon: Daemon, config: Config): string[] {
  if (config.sources.length === 0)
    return ["sources: [{ docker: true }]   # in the configuration: who tells of containers"];
  // As it was opened: for port 0 that is another port.
  const [opened] = config.listen.length === 0 ? [] : daemon.status().listeners;
  return linesToTry({
    records: daemon.records({}),
    listener: opened === undefined ? undefined : parseSocketAddress(opened, 53),
    canAttach: daemon.canAttach,
    eleven: near(process.argv[1] ?? "eleven"),
    socket: config.socket === defaultSocket() ? "" : ` --socket ${config.socket}`,
  });
}

/** A path as one would type it here. Nobody types in the folder of a service, which is the root. */
function near(path: string): string {
  const here = process.cwd();
  const short = relative(here, path);
  return here === "/" || short.startsWith("..") || !path.startsWith("/") ? path : short;
}
