import { isIPv6 } from "node:net";
import ipaddr from "ipaddr.js";
import type { ResolvConf } from "../base/resolv-conf.ts";

/** A nameserver that answers for what is outside. */
export interface Upstream {
  readonly address: string;
  /** The host's file, `--dns`, or the defaults for want of both. */
  readonly from: "host" | "override" | "default";
  /** The network namespace it is asked from. */
  readonly scope: "host" | "container";
}

export interface Nameservers {
  readonly upstreams: readonly Upstream[];
  /** For the comments in the file, in Docker's words, which people search the web for. */
  readonly warnings: readonly string[];
  readonly notes: readonly string[];
}

/** What Docker's default bridge falls back to: Google's public servers. */
const DEFAULTS_IPV4 = ["8.8.8.8", "8.8.4.4"];
const DEFAULTS_IPV6 = ["2001:4860:4860::8888", "2001:4860:4860::8844"];

export function transformNameservers(request: {
  readonly host: ResolvConf;
  readonly dns: readonly string[];
  readonly mode: "embedded" | "legacy";
  readonly ipv6: boolean;
}): Nameservers {
  return request.mode === "embedded" ? embedded(request) : legacy(request);
}

/**
 * All nameservers are kept aside for the resolver at 127.0.0.11. The host's are asked from the host's namespace, so
 * its loopback ones (127.0.0.53) serve; overrides from the container's, where they were meant to be.
 */
function embedded({ host, dns }: { host: ResolvConf; dns: readonly string[] }): Nameservers {
  const overridden = dns.length > 0;
  const all = overridden
    ? dns.map((address): Upstream => ({ address, from: "override", scope: "container" }))
    : host.nameservers.map(({ address }): Upstream => ({ address, from: "host", scope: "host" }));
  // In the container that is the resolver itself; on the host it may be another one, of a Docker around us.
  const upstreams = all.filter(({ address, scope }) => !(scope === "container" && address === "127.0.0.11"));
  const itself = all.length > upstreams.length;
  const none = upstreams.length === 0;
  return {
    upstreams,
    warnings: none ? ["NO EXTERNAL NAMESERVERS DEFINED"] : [],
    notes: [
      ...(itself
        ? ["--dns 127.0.0.11 is the container's own resolver, which cannot ask itself: left out"]
        : []),
      ...(none ? ["NO EXTERNAL NAMESERVERS DEFINED: only names of containers resolve"] : []),
    ],
  };
}

/** The container asks by itself, so what only the host can reach has to go. Overrides stay as they are. */
function legacy({
  host,
  dns,
  ipv6,
}: {
  host: ResolvConf;
  dns: readonly string[];
  ipv6: boolean;
}): Nameservers {
  const scope = "container";
  if (dns.length > 0) {
    return {
      upstreams: dns.map((address) => ({ address, from: "override", scope })),
      warnings: [],
      notes: [],
    };
  }
  const upstreams: Upstream[] = [];
  const notes: string[] = [];
  for (const { address } of host.nameservers) {
    if (isLoopback(address))
      notes.push(`${address} is on the host's loopback, out of the container's reach: left out`);
    else if (isIPv6(address) && !ipv6)
      notes.push(`${address} is IPv6, which the container does not have: left out`);
    else upstreams.push({ address, from: "host", scope });
  }
  if (upstreams.length > 0) return { upstreams, warnings: [], notes };
  const defaults = [...DEFAULTS_IPV4, ...(ipv6 ? DEFAULTS_IPV6 : [])];
  return {
    upstreams: defaults.map((address) => ({ address, from: "default", scope })),
    warnings: ["Used default nameservers."],
    notes: [...notes, `no nameserver is left: the public ${defaults.join(", ")} are used`],
  };
}

export function isLoopback(address: string): boolean {
  return ipaddr.process(address).range() === "loopback";
}
