import { type Command, Option } from "commander";
import { formatSocketAddress, type SocketAddress } from "../../base/address.ts";
import { CodedError } from "../../base/errors.ts";
import type { Config } from "../../config/schema.ts";
import { hostAddress } from "../host-address.ts";
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
      "the file with which this host's own resolver finds containers as NAME.NETWORK.docker; offline",
    )
    .option("--config <file>", "configuration, for `listen` and `hostSuffix`")
    .addOption(
      new Option("--for <resolver>", "whose file")
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

/** Throws a CodedError CONFIG if no listener is one that this resolver can ask, or its file has no place for the suffix. */
export function dropIn(kind: Kind, { listen, hostSuffix }: Pick<Config, "listen" | "hostSuffix">): DropIn {
  const suffix = hostSuffix.replace(/\.$/, "");
  // Others mean something in these files: `%` and quotes to systemd, `/` to dnsmasq.
  if (kind !== "resolv.conf" && !/^[\w.-]+$/.test(suffix)) {
    const remedy = "give `hostSuffix:` letters, digits, hyphens, underscores and dots only, like docker";
    throw new CodedError("CONFIG", `Cannot write the suffix ${suffix} into a file of ${kind}'s`, { remedy });
  }
  // One on port 0 is on another one at each start.
  const [first, ...others] = listen.filter(({ port }) => port !== 0).map(hostAddress);
  if (first === undefined) {
    const remedy = "give `listen:` an address and a port, like [127.0.0.1:5311]";
    const message = "Cannot send the host's queries here: there is no plain listener with a port of its own";
    throw new CodedError("CONFIG", message, { remedy });
  }
  if (kind === "systemd-resolved") {
    return {
      for: kind,
      path: "/etc/systemd/system/eleven-resolved.service",
      text: unitForResolved(formatSocketAddress(first), suffix),
      remark:
        "then: systemctl daemon-reload && systemctl enable --now eleven-resolved (systemd 246 or later, which knows ports)",
    };
  }
  if (kind === "networkmanager") {
    return {
      for: kind,
      path: "/etc/NetworkManager/dnsmasq.d/eleven.conf",
      text: `server=/${suffix}/${dnsmasqAddress(first)}\n`,
      remark: "then: systemctl reload NetworkManager (with dns=dnsmasq in its configuration)",
    };
  }
  const listener = [first, ...others].find(({ port }) => port === LIBC_PORT);
  if (listener === undefined) throw noneForLibc(listen);
  return {
    for: kind,
    path: "/etc/resolv.conf",
    text: `nameserver ${listener.address}\n`,
    remark: "before: name the servers that are there now under `upstreams:`, or eleven would ask itself",
  };
}

/** resolv.conf(5) has no place for another. */
const LIBC_PORT = 53;

function noneForLibc(listen: Config["listen"]): CodedError {
  const there = listen.map(formatSocketAddress).join(", ");
  const inYaml = listen.map(formatSocketAddress).map((text) => (text.startsWith("[") ? `"${text}"` : text));
  const remedy = `listen on port ${LIBC_PORT} as well: listen: [127.0.0.1:${LIBC_PORT}, ${inYaml.join(", ")}]`;
  const message = `Cannot use ${there} in resolv.conf: libc asks port ${LIBC_PORT} only`;
  return new CodedError("CONFIG", message, { remedy });
}

/**
 * A server that is asked for some names only belongs to a link: what `DNS=` in resolved.conf names is asked for all that
 * no link claims. There eleven would be asked for the host's every name, and resolved again by eleven.
 */
function unitForResolved(server: string, suffix: string): string {
  return `[Unit]
Description=Names below ${suffix} for systemd-resolved, from eleven
Requires=systemd-resolved.service
After=systemd-resolved.service dbus.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStartPre=-ip link delete ${LINK}
# A pair of its own, of the kind that Docker has to have as well.
ExecStart=ip link add ${LINK} type veth peer name ${PEER}
ExecStart=ip link set ${LINK} multicast off addrgenmode none up
ExecStart=ip link set ${PEER} multicast off addrgenmode none up
# A link without an address counts for nothing. Nothing is sent from this one.
ExecStart=ip address add ${LINK_ADDRESS}/32 dev ${LINK}
ExecStart=resolvectl default-route ${LINK} no
# Nobody has signed these names, and eleven does not speak TLS: this holds whatever is set for others.
ExecStart=resolvectl dnssec ${LINK} no
ExecStart=resolvectl dnsovertls ${LINK} no
ExecStart=resolvectl domain ${LINK} ~${suffix}
ExecStart=resolvectl dns ${LINK} ${server}
ExecStop=ip link delete ${LINK}

[Install]
WantedBy=multi-user.target
`;
}

/** Not one of the names that the node-local listener gives its own interface: `eleven0` and on. */
const LINK = "eleven-names";
const PEER = "eleven-names-b";
/** Of those that no router passes on (RFC 3927), so that nobody loses one of his own to it. */
const LINK_ADDRESS = "169.254.53.11";

/** dnsmasq writes a port behind `#`, and no brackets. */
function dnsmasqAddress({ address, port }: SocketAddress): string {
  return `${address}#${port}`;
}
