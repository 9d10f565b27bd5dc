import { readFileSync } from "node:fs";
import { parseResolvConf, type ResolvConf } from "../../base/resolv-conf.ts";
import { transformNameservers } from "../../sandbox/resolvconf-nameservers.ts";
import { attachCommand } from "../attach-command.ts";
import type { Check, Found } from "../check.ts";
import { type Context, entered } from "../context.ts";
import { isOnFallback } from "../on-fallback.ts";
import { allOwnServers, followsHost, type OwnServers } from "../own-servers.ts";
import { listed } from "../together.ts";

/** A container's servers are not those of the host's resolv.conf of today, but those of the day it started. */
export const upstreamFrozen: Check = {
  code: "upstream-frozen",
  async run(context) {
    const sandboxes = entered(context);
    if ("skipped" in sandboxes) return sandboxes;
    const known = (await allOwnServers(context)).filter(({ sandbox }) => followsHost(sandbox));
    if (known.length === 0) return { skipped: "nothing tells whom the containers' names are sent to" };
    const resolved = resolvedConf();
    const groups = new Map<string, OwnServers[]>();
    for (const own of known) {
      // Who asks Google for want of others is public-fallback's; where that is in doubt, this is true all the same.
      if (isOnFallback(context, own) === "yes" || isOfToday(own, context.host.conf, resolved)) continue;
      const key = addressesOf(own).join(" ");
      groups.set(key, [...(groups.get(key) ?? []), own]);
    }
    return [...groups.values()].map((group) => finding(context, group));
  },
};

/** Docker's resolver asks three at most, and libc as many. */
const MAX_ASKED = 3;

function addressesOf({ servers }: OwnServers): string[] {
  return servers.map(({ address }) => address);
}

/** Whether the engine would give the container the same servers today. */
export function isOfToday(own: OwnServers, host: ResolvConf, resolved: ResolvConf | undefined): boolean {
  const { by } = own;
  const addresses = addressesOf(own);
  if (by === "seen")
    return addresses.every((address) => host.nameservers.some((each) => each.address === address));
  if (by === "engine's comment") return startsAlike(embeddedOf(host), addresses);
  return [false, true].some((ipv6) => {
    const file = isStubOnly(host) ? (resolved ?? host) : host;
    const today = transformNameservers({ host: file, dns: [], mode: "legacy", ipv6 }).upstreams;
    return startsAlike(
      today.map(({ address }) => address),
      addresses,
    );
  });
}

function embeddedOf(host: ResolvConf): string[] {
  const { upstreams } = transformNameservers({ host, dns: [], mode: "embedded", ipv6: true });
  return upstreams.map(({ address }) => address);
}

/**
 * systemd-resolved's own file, which names the servers behind its stub: Docker takes it for containers without a
 * resolver of its own where the host's file names the stub alone (observed: 20.10 to 28.5).
 */
const RESOLVED_FILE = "/run/systemd/resolve/resolv.conf";
const RESOLVED_STUB = "127.0.0.53";

function isStubOnly({ nameservers }: ResolvConf): boolean {
  return nameservers.length > 0 && nameservers.every(({ address }) => address === RESOLVED_STUB);
}

function resolvedConf(): ResolvConf | undefined {
  try {
    return parseResolvConf(readFileSync(RESOLVED_FILE, "utf8"));
  } catch {
    return undefined;
  }
}

function startsAlike(a: readonly string[], b: readonly string[]): boolean {
  return a.slice(0, MAX_ASKED).join(" ") === b.slice(0, MAX_ASKED).join(" ");
}

function finding({ config, host, isAttached }: Context, group: readonly OwnServers[]): Found {
  const own = group[0]!;
  const { by } = own;
  const addresses = addressesOf(own);
  const names = group.map(({ sandbox }) => sandbox.container.name);
  const today = host.conf.nameservers.map(({ address }) => address);
  const exposed = group.filter(({ sandbox }) => !isAttached(sandbox.container.key));
  const isHealed = exposed.length === 0 && by !== "resolv.conf";
  return {
    severity: isHealed ? "info" : "warning",
    subject: names.length === 1 ? names[0]! : `${names.length} containers`,
    text: `Names outside that ${listed(names)} ${names.length === 1 ? "asks" : "ask"} for are sent to ${addresses.join(", ") || "nobody"}, though ${config.resolvConf} names ${today.join(", ") || "nobody"} now: Docker reads it when a container starts, and never again.`,
    evidence: { containers: names, servers: addresses, today, knownBy: by },
    remedy: isHealed
      ? "they get eleven's answers, which follow the file; the engine takes it over when they are started anew"
      : by === "resolv.conf"
        ? "start the containers anew, or put them into a user network, where `eleven attach` follows the file"
        : `${attachCommand(exposed.map(({ sandbox }) => sandbox.container.name))} follows the file from now on; or start the containers anew`,
  };
}
