/** Order of texts by code unit: the same on every machine, whatever its locale. */
export function byText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** IPv4 before IPv6, then by text. */
export function byAddress(a: string, b: string): number {
  return Number(isIpv6(a)) - Number(isIpv6(b)) || byText(a, b);
}

/** Of the two families, told by the one sign that only IPv6 has. */
export function isIpv6(address: string): boolean {
  return address.includes(":");
}
