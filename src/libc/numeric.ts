import { isIPv6 } from "node:net";

/**
 * The address that a name is itself: IPv6 with or without a zone, or IPv4 as `inet_aton` reads it, which takes
 * `127.1`, `0x7f000001` and octal numbers for addresses, too (POSIX, inet_addr). Undefined for names.
 */
export function numericAddress(name: string): string | undefined {
  if (isIPv6(name)) return name;
  const parts = name.split(".");
  if (parts.length > 4 || !parts.every((part) => /^(?:0[0-7]*|0x[\da-f]+|[1-9]\d*)$/i.test(part)))
    return undefined;
  const numbers = parts.map((part) => (/^0[0-7]+$/.test(part) ? Number.parseInt(part, 8) : Number(part)));
  const last = numbers.pop()!;
  if (numbers.some((number) => number > 255) || last >= 256 ** (4 - numbers.length)) return undefined;
  const value = numbers.reduce((sum, number, i) => sum + number * 256 ** (3 - i), last);
  return [24, 16, 8, 0].map((bits) => Math.floor(value / 2 ** bits) % 256).join(".");
}
