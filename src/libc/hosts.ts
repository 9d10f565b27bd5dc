import { isIPv4, isIPv6 } from "node:net";

/** The addresses that a hosts file has for a name, in the file's order; none means that DNS is asked. */
export interface HostsAnswer {
  readonly addresses: readonly string[];
  /** The name stands there, with addresses of the other family only: musl ends the lookup with that. */
  readonly isOtherFamily: boolean;
}

export type Family = "any" | "inet" | "inet6";

/**
 * As glibc's `files` does with `multi on` in host.conf, which is what Debian ships: every line with the name, in any
 * letter case. Asked for IPv4 it takes `::1` for 127.0.0.1, and an IPv4-mapped address for what is mapped.
 */
export function glibcHosts(text: string, name: string, family: Family): HostsAnswer {
  const wanted = name.toLowerCase();
  const addresses = linesOf(text)
    .filter(({ names }) => names.some((found) => found.toLowerCase() === wanted))
    .flatMap(({ address }) => glibcAddress(address, family));
  return { addresses, isOtherFamily: false };
}

function glibcAddress(address: string, family: Family): string[] {
  const isV4 = isIPv4(address);
  if (!isV4 && !isIPv6(address)) return [];
  if (family === "any" || isV4 === (family === "inet")) return [address];
  if (isV4) return [];
  const [, mapped] = /^::ffff:([\d.]+)$/i.exec(address) ?? [];
  return mapped !== undefined ? [mapped] : address === "::1" ? ["127.0.0.1"] : [];
}

/** As musl does: every line with the name, letter case and all. */
export function muslHosts(text: string, name: string, family: Family): HostsAnswer {
  const found = linesOf(text)
    .filter(({ names }) => names.includes(name))
    .map(({ address }) => address)
    .filter((address) => isIPv4(address) || isIPv6(address));
  const addresses = found.filter((address) => family === "any" || isIPv4(address) === (family === "inet"));
  return { addresses, isOtherFamily: addresses.length === 0 && found.length > 0 };
}

/** Each line with its address, as written, and the names for it. */
export function linesOf(text: string): { address: string; names: string[] }[] {
  return text.split("\n").flatMap((line) => {
    const [address, ...names] = line
      .replace(/#.*/, "")
      .split(/\s+/)
      .filter((word) => word !== "");
    return address === undefined ? [] : [{ address, names }];
  });
}
