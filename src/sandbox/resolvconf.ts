import { isIP } from "node:net";
import { CodedError } from "../base/errors.ts";
import { parseResolvConf, type ResolvConf } from "../base/resolv-conf.ts";
import { nameFromText } from "../wire/name.ts";
import { isLoopback, transformNameservers, type Upstream } from "./resolvconf-nameservers.ts";
import { chooseOptions, optionNotes } from "./resolvconf-options.ts";
import { renderResolvConf } from "./resolvconf-render.ts";

export interface ResolvConfRequest {
  /** The host's file; empty if it has none. */
  readonly hostText: string;
  /** Only for the comments. */
  readonly hostPath?: string;
  /** `docker run --dns`, `--dns-search`, `--dns-option`: each replaces the host's whole list unless it is empty. */
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** `embedded`: user networks, where 127.0.0.11 answers. `legacy`: the default bridge, where nobody does. */
  readonly mode: "embedded" | "legacy";
  /** Whether the container has IPv6. */
  readonly ipv6: boolean;
}

/** The resolv.conf of a container, and what it was made of. */
export interface ContainerResolvConf {
  readonly text: string;
  /** Whom 127.0.0.11 asks for the container (`embedded`), or whom its libc asks by itself (`legacy`). */
  readonly upstreams: readonly Upstream[];
  readonly search: readonly string[];
  readonly options: readonly string[];
  /** What was left out or is likely to surprise. */
  readonly notes: readonly string[];
}

/** libc's limit (`MAXNS` of resolv.h, musl's too): further nameservers are not even read. */
const LIBC_NAMESERVERS = 3;

/** musl reads lines into 256 octets with newline and NUL, and passes over those that do not fit. */
const MUSL_LINE = 254;

/**
 * The resolv.conf that Docker Engine 28 gives a container for this host's file, with the nameservers that it keeps
 * aside for its resolver. Pure. Throws a CodedError USAGE for an override that could not stand in the file.
 */
export function containerResolvConf(request: ResolvConfRequest): ContainerResolvConf {
  const { hostText, hostPath = "/etc/resolv.conf", mode, ipv6 } = request;
  checkOverrides(request);
  const host = parseResolvConf(hostText);
  const nameservers = transformNameservers({ host, dns: request.dns, mode, ipv6 });
  const search =
    request.dnsSearch.length > 0 ? request.dnsSearch.filter((domain) => domain !== ".") : host.search;
  const options = chooseOptions({ host: host.options, overrides: request.dnsOptions, mode });
  const text = renderResolvConf({
    hostPath,
    mode,
    nameservers: mode === "embedded" ? ["127.0.0.11"] : nameservers.upstreams.map(({ address }) => address),
    external: mode === "embedded" ? nameservers.upstreams : [],
    search,
    options: options.options,
    other: host.other,
    warnings: nameservers.warnings,
    invalid: host.invalid.map(({ text }) => text),
    overrides: [
      ...(request.dns.length > 0 ? ["nameservers"] : []),
      ...(request.dnsSearch.length > 0 ? ["search"] : []),
      ...(request.dnsOptions.length > 0 ? ["options"] : []),
    ],
    ndotsFrom: options.ndotsFrom,
  });
  return {
    text,
    upstreams: nameservers.upstreams,
    search,
    options: options.options,
    notes: [
      ...invalidNotes(host, hostPath),
      ...nameservers.notes,
      ...upstreamNotes(nameservers.upstreams, mode),
      ...searchNotes(search),
      ...options.notes,
      ...optionNotes(options.options),
    ],
  };
}

function checkOverrides({ dns, dnsSearch, dnsOptions }: ResolvConfRequest): void {
  for (const address of dns) {
    if (isIP(address) === 0)
      throw usage("--dns", address, "not an IP address", "give one like 10.0.0.1 or fd00::1");
  }
  for (const domain of dnsSearch) {
    if (nameFromText(domain) === undefined) {
      throw usage(
        "--dns-search",
        domain,
        "not a domain name",
        'give one like example.org, or "." for none at all',
      );
    }
  }
  for (const option of dnsOptions) {
    // Anything else would end the option, or the line.
    if (!/^[!-~]+$/.test(option))
      throw usage("--dns-option", option, "not one word", "give one like ndots:2");
  }
}

function usage(flag: string, value: string, state: string, remedy: string): CodedError {
  return new CodedError("USAGE", `Cannot use ${flag} ${JSON.stringify(value)}: ${state}`, { remedy });
}

function invalidNotes({ invalid }: ResolvConf, hostPath: string): string[] {
  return invalid.map(
    ({ text, line, reason }) =>
      `${hostPath}:${line}: nameserver ${JSON.stringify(text)} is ${reason}: left out`,
  );
}

function upstreamNotes(upstreams: readonly Upstream[], mode: "embedded" | "legacy"): string[] {
  const own = upstreams.filter(({ address, from }) => from === "override" && isLoopback(address));
  const notes = own.map(
    ({ address }) => `${address} is the container's own loopback: something in it has to listen there`,
  );
  const unread = upstreams.slice(LIBC_NAMESERVERS).map(({ address }) => address);
  if (unread.length === 0) return notes;
  const number = `${upstreams.length} nameservers`;
  const fate =
    mode === "legacy"
      ? `libc reads only the first ${LIBC_NAMESERVERS} and never asks ${unread.join(", ")}`
      : `libc and Docker use only the first ${LIBC_NAMESERVERS} of a list; all of these are kept`;
  return [...notes, `${number}: ${fate}`];
}

function searchNotes(search: readonly string[]): string[] {
  const octets = Buffer.byteLength(`search ${search.join(" ")}`);
  const notes = search
    .filter((domain) => nameFromText(domain) === undefined)
    .map((domain) => `search domain ${JSON.stringify(domain)} is not a domain name`);
  if (octets <= MUSL_LINE) return notes;
  return [
    ...notes,
    `the search line has ${octets} octets: musl (Alpine) ignores it whole when it has more than ${MUSL_LINE}`,
  ];
}
