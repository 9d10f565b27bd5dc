/** IP addresses as octets and text. Own code: `node:net` only tells whether a text is an address. */

/** The address as a number of 32 bits; undefined unless it is four decimal numbers without leading zeros. */
export function ipv4Number(text: string): number | undefined {
  let value = 0;
  let part = -1;
  let parts = 1;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit === DOT_DIGIT && part >= 0) {
      value = value * 256 + part;
      part = -1;
      parts += 1;
    } else if (digit >= 0 && digit <= 9 && part !== 0 && part <= 25) {
      part = part < 0 ? digit : part * 10 + digit;
      if (part > 255) return undefined;
    } else {
      return undefined;
    }
  }
  return parts === 4 && part >= 0 ? value * 256 + part : undefined;
}

/** Four octets of `192.0.2.1`. */
export function parseIpv4(text: string): Uint8Array | undefined {
  const value = ipv4Number(text);
  return value === undefined ? undefined : Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value);
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

/** The four octets at `at`. */
export function formatIpv4(octets: Uint8Array, at = 0): string {
  return `${octets[at]}.${octets[at + 1]}.${octets[at + 2]}.${octets[at + 3]}`;
}

/** The sixteen octets at `at` in the one spelling of RFC 5952 §4; an IPv4-mapped address in its mixed form (§5), as `inet_ntop` and dig have it. */
export function formatIpv6(octets: Uint8Array, at = 0): string {
  const groups: number[] = [];
  for (let i = at; i < at + 16; i += 2) groups.push((octets[i]! << 8) | octets[i + 1]!);
  if (groups[5] === 0xffff && groups.slice(0, 5).every((group) => group === 0)) {
    return `::ffff:${formatIpv4(octets, at + 12)}`;
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

/** What a dot is where a digit is expected. */
const DOT_DIGIT = 0x2e - 0x30;
