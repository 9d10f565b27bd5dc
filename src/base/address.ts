import { isIP, isIPv4 } from "node:net";
import ipaddr from "ipaddr.js";

/** An IP address and a port: where a server is. */
export interface SocketAddress {
  readonly address: string;
  readonly port: number;
}

/**
 * Reads `10.0.0.1`, `10.0.0.1:5353`, `fd00::1`, `[fd00::1]:53` or `fe80::1%eth0`; undefined if it is none of
 * these. Without a port, `defaultPort` holds.
 */
export function parseSocketAddress(text: string, defaultPort: number): SocketAddress | undefined {
  if (isIP(text) !== 0) return { address: text, port: defaultPort };
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? "";
  const port = digits === undefined ? defaultPort : Number(digits);
  const family = isIP(address);
  if (family === 0 || (bracketed !== undefined) !== (family === 6) || port > 65535) return undefined;
  return { address, port };
}

/** `10.0.0.1:53`, `[fd00::1]:53`. */
export function formatSocketAddress({ address, port }: SocketAddress): string {
  return isIPv4(address) ? `${address}:${port}` : `[${address}]:${port}`;
}

/** Four octets, or sixteen. */
export function addressOctets(address: string): number[] {
  return ipaddr.parse(address).toByteArray();
}

/** The address of four octets, or sixteen, in its one spelling. */
export function addressFromOctets(octets: Uint8Array): string {
  if (octets.length === 4) return octets.join(".");
  return ipaddr.fromByteArray([...octets]).toString();
}

/** The one spelling of an address (RFC 5952; an IPv4-mapped one as IPv4), so that equal addresses are equal strings. */
export function canonicalAddress(address: string): string {
  return isIPv4(address) ? address : ipaddr.process(address).toString();
}
