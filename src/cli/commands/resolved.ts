import { type Command, Option } from "commander";
import { formatSocketAddress, type SocketAddress } from "../../base/address.ts";
import { CodedError } from "../../base/errors.ts";
import type { Config } from "../../config/schema.ts";
import { outputOf } from "../output.ts";

type Kind = "systemd-resolved" | "networkmanager" | "resolv.conf";

/** What a host's own resolver needs to send container names here. */
interface DropIn {
  readonly for: Kind;
  readonly path: string;
  readonly text: string;
  /** What to run, or to heed, once the file is there. */
  readonly remark: string;
}

export function resolvedCommand(program: Command): Command {
  return program
    .command("resolved")
    .description(
      "the drop-in with which this host's own resolver finds containers as NAME.NETWORK.docker; offline",
    )
    .option("--config <file>", "configuration, for `listen` and `hostSuffix`")
    .addOption(
      new Option("--for <resolver>", "whose drop-in")
        .choices(["systemd-resolved", "networkmanager", "resolv.conf"])
        .default("systemd-resolved"),
    )
    .addHelpText("after", "\nExamples:\n  eleven resolved\n  eleven resolved --for networkmanager --json")
    .action(async (options: { config?: string; for: Kind }, command: Command) => {
      const { loadConfig } = await import("../../config/load.ts");
      const output = outputOf(command);
      const made = dropIn(options.for, loadConfig(options.config));
      output.print(made, () => `# ${made.path}\n${made.text}# ${made.remark}`);
    });
}

function dropIn(kind: Kind, { listen, hostSuffix }: Config): DropIn {
  const suffix = hostSuffix.replace(/\.$/, "");
  const [listener] = listen;
  if (listener === undefined) {
    const remedy = "give `listen:` an address, like [127.0.0.1:5311]";
    throw new CodedError("CONFIG", "Cannot send the host's queries here: there is no plain listener", {
      remedy,
    });
  }
  if (kind === "systemd-resolved") {
    return {
      for: kind,
      path: "/etc/systemd/resolved.conf.d/eleven.conf",
      text: `[Resolve]\nDNS=${formatSocketAddress(listener)}\nDomains=~${suffix}\n`,
      remark: "then: systemctl restart systemd-resolved (246 or later, which knows ports)",
    };
  }
  if (kind === "networkmanager") {
    return {
      for: kind,
      path: "/etc/NetworkManager/dnsmasq.d/eleven.conf",
      text: `server=/${suffix}/${dnsmasqAddress(listener)}\n`,
      remark: "then: systemctl reload NetworkManager (with dns=dnsmasq in its configuration)",
    };
  }
  if (listener.port !== 53) {
    const remedy = `listen on port 53 as well: listen: [127.0.0.1:53, ${formatSocketAddress(listener)}]`;
    const message = `Cannot use ${formatSocketAddress(listener)} in resolv.conf: libc asks port 53 only`;
    throw new CodedError("CONFIG", message, { remedy });
  }
  return {
    for: kind,
    path: "/etc/resolv.conf",
    text: `nameserver ${listener.address}\n`,
    remark: "before: name the servers that are there now under `upstreams:`, or eleven would ask itself",
  };
}

/** dnsmasq writes a port behind `#`, and no brackets. */
function dnsmasqAddress({ address, port }: SocketAddress): string {
  return `${address}#${port}`;
}
