import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "../wire/ip.ts";

/** An address as libc's tables see it: always sixteen octets, an IPv4 one in its mapped form (`::ffff:192.0.2.1`). */
export interface IpAddress {
  /** Its one spelling, as inet_ntop(3) has it; with its zone, if it has one (`fe80::1%eth0`). */
  readonly text: string;
  /** Of the socket that reaches it: `::ffff:192.0.2.1`, written like that, is 6. */
  readonly family: 4 | 6;
  readonly octets: Uint8Array;
}

/** Reads `192.0.2.1`, `2001:db8::1` or `fe80::1%eth0`; undefined for anything else. */
export function ipAddress(text: string): IpAddress | undefined {
  const ipv4 = parseIpv4(text);
  if (ipv4 !== undefined) return { text: formatIpv4(ipv4), family: 4, octets: mapped(ipv4) };
  const [, plain = "", zone = ""] = /^([^%]*)(%.+)?$/.exec(text) ?? [];
  const octets = parseIpv6(plain);
  return octets === undefined ? undefined : { text: formatIpv6(octets) + zone, family: 6, octets };
}

/** Whether the kernel reaches it over IPv4, however it is written. */
export function isOverIpv4({ octets }: IpAddress): boolean {
  return matches(octets, IPV4.octets, IPV4.bits);
}

/** How many leading bits are the same, 0 to 128. */
export function commonBits(a: Uint8Array, b: Uint8Array): number {
  for (let at = 0; at < 16; at++) {
    const difference = a[at]! ^ b[at]!;
    if (difference !== 0) return at * 8 + Math.clz32(difference) - 24;
  }
  return 128;
}

export function matches(address: Uint8Array, prefix: Uint8Array, bits: number): boolean {
  return commonBits(address, prefix) >= bits;
}

function mapped(ipv4: Uint8Array): Uint8Array {
  const octets = new Uint8Array(16);
  octets.set([0xff, 0xff], 10);
  octets.set(ipv4, 12);
  return octets;
}

/** ::ffff:0:0/96 (RFC 4291 §2.5.5.2). */
const IPV4 = { octets: mapped(new Uint8Array(4)), bits: 96 };
