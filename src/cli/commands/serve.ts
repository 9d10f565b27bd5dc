import { existsSync } from "node:fs";
import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import { systemClock } from "../../base/clock.ts";
import { messageOf } from "../../base/errors.ts";
import type { Logger } from "../../base/log.ts";
import { loadConfig } from "../../config/load.ts";
import type { Config } from "../../config/schema.ts";
import { type Daemon, startDaemon } from "../../daemon.ts";
import { version } from "../../version.ts";
import { ExitCode, exitCodeOf } from "../exit-codes.ts";
import { createLog } from "../log.ts";
import { type GlobalOptions, outputOf, printError } from "../output.ts";

/** A daemon that can't end by itself is ended: SIGTERM promises two seconds. */
const STOP_DEADLINE_MS = 1900;

export function serveCommand(program: Command): Command {
  return program
    .command("serve")
    .description("run the daemon in the foreground")
    .option("--config <file>", "configuration; without it, what the machine offers")
    .addHelpText("after", "\nExamples:\n  eleven serve\n  eleven serve --config /etc/eleven/eleven.yaml")
    .action(async (options: { config?: string }, command: Command) => {
      const output = outputOf(command);
      const log = createLog(output.options.color);
      const load = (): Config => configuration(options.config, output.options);
      const config = load();
      const starting = startDaemon({ config, clock: systemClock, log });
      handleSignals(starting, load, log);
      const daemon = await starting;
      output.print(daemon.status(), () => banner(daemon, config));
    });
}

/** With --config that file; without, the example shop on a loopback listener. */
function configuration(path: string | undefined, { socket }: GlobalOptions): Config {
  const config = loadConfig(path);
  const shop = fileURLToPath(new URL("../../../examples/shop.yaml", import.meta.url));
  const sources =
    path === undefined && existsSync(shop) ? [{ kind: "file", path: shop } as const] : config.sources;
  return { ...config, sources, ...(socket === undefined ? {} : { socket }) };
}

/** From the very first moment: a signal during the start takes effect when it is over. */
function handleSignals(starting: Promise<Daemon>, load: () => Config, log: Logger): void {
  let stopping = false;
  async function stop(signal: string): Promise<void> {
    if (stopping) return;
    stopping = true;
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
  const status = daemon.status();
  const from = status.sources.map(({ name }) => short(name)).join(", ") || "no source";
  const upstreams = status.upstreams.map(({ address }) => address).join(", ") || "none";
  const why = config.upstreams === "host" ? ` (from ${config.resolvConf}, followed)` : "";
  const lines = [
    `eleven ${version} serves ${status.containers} containers from ${from}`,
    `  listening  ${status.listeners.join(", ") || "nowhere but in containers"}${status.listeners.length > 0 ? " (udp, tcp)" : ""}`,
    `  upstreams  ${upstreams}${why}`,
    `  control    ${config.socket}`,
    ...tries(daemon, config).map((line, index) => `  ${index === 0 ? "try      " : "         "}  ${line}`),
  ];
  return lines.join("\n");
}

/** Lines that work as they stand, with a name that is there. */
function tries(daemon: Daemon, config: Config): string[] {
  const record = daemon.records({}).find(({ kind }) => kind === "alias") ?? daemon.records({})[0];
  if (record === undefined) return [`eleven status --socket ${config.socket}`];
  const name = `${record.name}.${record.network}`;
  const [listener] = config.listen;
  const dig = listener === undefined ? [] : [`dig @${listener.address} -p ${listener.port} ${name}`];
  return [...dig, `eleven query ${name}`];
}

function short(source: string): string {
  const path = source.replace(/^file:/, "");
  const near = relative(process.cwd(), path);
  return near.startsWith("..") ? path : near;
}
