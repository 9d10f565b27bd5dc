/** IP addresses as octets and text. Own code: `node:net` only tells whether a text is an address. */

/** Four octets of `192.0.2.1`; undefined unless it is four decimal numbers without leading zeros. */
export function parseIpv4(text: string): Uint8Array | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  const octets = new Uint8Array(4);
  for (let i = 0; i < 4; i++) {
    const octet = decimalOctet(parts[i]!);
    if (octet === undefined) return undefined;
    octets[i] = octet;
  }
  return octets;
}

/** 0 to 255 of its one decimal spelling. */
export function decimalOctet(text: string): number | undefined {
  return /^(?:0|[1-9]\d{0,2})$/.test(text) && Number(text) <= 255 ? Number(text) : undefined;
}

/** Sixteen octets of an address in any spelling of RFC 4291 §2.2; undefined for others, and with a zone (`%eth0`). */
export function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = [groupsOf(halves[0]!, halves.length === 1), groupsOf(halves[1] ?? "", true)];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  // "::" stands for at least one group.
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const octets = new Uint8Array(16);
  [...head, ...new Array<number>(missing).fill(0), ...tail].forEach((group, i) => {
    octets[2 * i] = group >> 8;
    octets[2 * i + 1] = group;
  });
  return octets;
}

export function formatIpv4(octets: Uint8Array): string {
  return `${octets[0]}.${octets[1]}.${octets[2]}.${octets[3]}`;
}

/** The one spelling of RFC 5952 §4; an IPv4-mapped address in its mixed form (§5), as `inet_ntop` and dig have it. */
export function formatIpv6(octets: Uint8Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => (octets[2 * i]! << 8) | octets[2 * i + 1]!);
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    return `::ffff:${formatIpv4(octets.subarray(12))}`;
  }
  const zeros = longestZeros(groups);
  const hex = groups.map((group) => group.toString(16));
  if (zeros.length < 2) return hex.join(":");
  return `${hex.slice(0, zeros.start).join(":")}::${hex.slice(zeros.start + zeros.length).join(":")}`;
}

/** The first of the longest runs of zero groups (RFC 5952 §4.2.3). */
function longestZeros(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  groups.forEach((group, i) => {
    if (group !== 0) start = i + 1;
    else if (i + 1 - start > best.length) best = { start, length: i + 1 - start };
  });
  return best;
}

/** The 16-bit groups of one side of "::"; the last may be an IPv4 address if the side ends the text. */
function groupsOf(side: string, isLast: boolean): number[] | undefined {
  if (side === "") return [];
  const parts = side.split(":");
  const ipv4 = isLast ? parseIpv4(parts.at(-1)!) : undefined;
  if (ipv4 !== undefined) parts.pop();
  if (!parts.every((part) => /^[0-9a-f]{1,4}$/i.test(part))) return undefined;
  const groups = parts.map((part) => Number.parseInt(part, 16));
  if (ipv4 !== undefined) groups.push((ipv4[0]! << 8) | ipv4[1]!, (ipv4[2]! << 8) | ipv4[3]!);
  return groups;
}
