import { formatIpv6 } from "../wire/ip.ts";
import { commonBits, type IpAddress, ipAddress, isOverIpv4, matches } from "./ip-address.ts";
import { GLIBC_TABLES } from "./policy-tables.ts";
import { prefixTable, valueFor } from "./prefix-table.ts";
import { scopeOf } from "./scope.ts";

/** An address of the host's own, as `ip address` shows it. */
export interface SourceAddress {
  readonly address: IpAddress;
  /** Its subnet, in bits of its family; undefined where nobody said. */
  readonly prefixLength?: number | undefined;
  /** Its preferred lifetime is over (RFC 4862 §5.5.4). */
  readonly isDeprecated?: boolean;
  /** A mobile node's home address (RFC 6275). */
  readonly isHome?: boolean;
}

/** Reads `10.0.0.2`, `10.0.0.2/24`, `fd00::2/64+deprecated` or `+home`; undefined for anything else. */
export function readSourceAddress(text: string): SourceAddress | undefined {
  const [, plain = "", length, flags = ""] =
    /^([^/+]+)(?:\/(\d{1,3}))?((?:\+(?:deprecated|home))*)$/.exec(text) ?? [];
  const address = ipAddress(plain);
  const prefixLength = length === undefined ? undefined : Number(length);
  if (address === undefined || (prefixLength ?? 0) > (address.family === 4 ? 32 : 128)) return undefined;
  return {
    address,
    prefixLength,
    isDeprecated: flags.includes("deprecated"),
    isHome: flags.includes("home"),
  };
}

/** The kernel's labels (net/ipv6/addrlabel.c, `ip addrlabel`), which differ from both libcs'. */
const KERNEL_LABELS = prefixTable({
  "::1/128": 0,
  "2001:10::/28": 7,
  "2001::/32": 6,
  "::ffff:0:0/96": 4,
  "::/96": 3,
  "3ffe::/16": 12,
  "2002::/16": 2,
  "fec0::/10": 11,
  "fc00::/7": 5,
  "::/0": 1,
});

/** Every host has these, and uses them for loopback and for nothing else. */
const LOOPBACK_IPV4: SourceAddress = { address: ipAddress("127.0.0.1")!, prefixLength: 8 };
const LOOPBACK_IPV6: SourceAddress = { address: ipAddress("::1")!, prefixLength: 128 };

/**
 * The source address that the kernel would choose for a destination, of those given: RFC 6724 §5 as Linux does it
 * (net/ipv6/addrconf.c, ipv6_get_saddr_eval), and for IPv4 the address in whose subnet the destination is. Undefined:
 * no address of that family, so the destination can't be reached.
 *
 * What addresses alone don't tell is taken for granted: a default route for each family, all addresses on one
 * interface and none of them temporary, link-local destinations with their zone. Of equally good ones it is the first.
 */
export function sourceFor(
  destination: IpAddress,
  sources: readonly SourceAddress[],
): SourceAddress | undefined {
  const isIpv4 = isOverIpv4(destination);
  const loopback = isIpv4 ? LOOPBACK_IPV4 : LOOPBACK_IPV6;
  const candidates = isWithin(destination, loopback)
    ? [loopback]
    : sources.filter(({ address }) => isOverIpv4(address) === isIpv4 && !isWithin(address, loopback));
  const chosen = candidates.reduce<SourceAddress | undefined>(
    (best, other) => (best !== undefined && !isBetter(other, best, destination) ? best : other),
    undefined,
  );
  // An IPv6 socket that talks IPv4 has its own address in mapped form, too.
  return chosen && isIpv4 && destination.family === 6
    ? { ...chosen, address: asIpv6(chosen.address) }
    : chosen;
}

function isBetter(a: SourceAddress, b: SourceAddress, destination: IpAddress): boolean {
  const [ofA, ofB] = [merits(a, destination), merits(b, destination)];
  const decisive = ofA.findIndex((merit, rule) => merit !== ofB[rule]);
  return decisive >= 0 && ofA[decisive]! > ofB[decisive]!;
}

/** By the rules of RFC 6724 §5 in their order, each the more the better; 5 (interface) and 7 (temporary) are not known. */
function merits(source: SourceAddress, destination: IpAddress): number[] {
  const { address, isDeprecated = false, isHome = false } = source;
  const scope = scopeOf(address, GLIBC_TABLES.ipv4Scopes);
  const isWideEnough = scope >= scopeOf(destination, GLIBC_TABLES.ipv4Scopes);
  return [
    Number(commonBits(address.octets, destination.octets) === 128), // 1: the same address
    isWideEnough ? -scope : scope - 128, // 2: the least scope that suffices, else the greatest
    Number(!isDeprecated), // 3
    Number(isHome), // 4
    Number(valueFor(KERNEL_LABELS, address.octets) === valueFor(KERNEL_LABELS, destination.octets)), // 6
    prefixMerit(source, destination), // 8
  ];
}

/** IPv6 counts common bits within the source's prefix; IPv4 has routes, so that the most specific subnet wins. */
function prefixMerit({ address, prefixLength }: SourceAddress, destination: IpAddress): number {
  const common = commonBits(address.octets, destination.octets);
  if (prefixLength === undefined) return common;
  if (!isOverIpv4(destination)) return Math.min(common, prefixLength);
  return common - 96 >= prefixLength ? prefixLength : 0;
}

function isWithin({ octets }: IpAddress, { address, prefixLength = 128 }: SourceAddress): boolean {
  return matches(octets, address.octets, address.family === 4 ? prefixLength + 96 : prefixLength);
}

function asIpv6({ octets }: IpAddress): IpAddress {
  return { text: formatIpv6(octets), family: 6, octets };
}
