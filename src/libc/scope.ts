import { parseIpv6 } from "../wire/ip.ts";
import { type IpAddress, matches } from "./ip-address.ts";
import { type PrefixTable, valueFor } from "./prefix-table.ts";

/** Scopes of unicast addresses have the numbers of multicast scopes (RFC 6724 §3.1). */
const LINK_LOCAL = 2;
const SITE_LOCAL = 5;
const GLOBAL = 14;

const LOOPBACK = parseIpv6("::1")!;
const FE80 = parseIpv6("fe80::")!;
const FEC0 = parseIpv6("fec0::")!;

/** The scope of an address, 1 (its interface) to 14 (global); a mapped address written as IPv6 is global. */
export function scopeOf({ family, octets }: IpAddress, ipv4Scopes: PrefixTable): number {
  if (family === 4) return valueFor(ipv4Scopes, octets);
  if (octets[0] === 0xff) return octets[1]! & 0xf;
  if (matches(octets, LOOPBACK, 128) || matches(octets, FE80, 10)) return LINK_LOCAL;
  return matches(octets, FEC0, 10) ? SITE_LOCAL : GLOBAL;
}
