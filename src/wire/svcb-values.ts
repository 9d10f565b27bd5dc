import { encodeEscapes } from "./escape.ts";
import { quote } from "./fields.ts";
import { formatIpv4, formatIpv6 } from "./ip.ts";

/** `alpn`, or `key999` for a key without a name here. */
export function keyName(key: number): string {
  return named[key]?.name ?? `key${key}`;
}

/** A value as text; undefined if the octets are no value of the key, or the key has no name. */
export function formatValue(key: number, octets: Uint8Array): string | undefined {
  return named[key]?.format(octets);
}

interface NamedKey {
  readonly name: string;
  format(octets: Uint8Array): string | undefined;
}

/** By number, which begin at 0 (RFC 9460 §14.3.2). */
const named: readonly NamedKey[] = [
  { name: "mandatory", format: formatMandatory },
  { name: "alpn", format: formatAlpn },
  { name: "no-default-alpn", format: (octets) => (octets.length === 0 ? "" : undefined) },
  {
    name: "port",
    format: (octets) => (octets.length === 2 ? String((octets[0]! << 8) | octets[1]!) : undefined),
  },
  { name: "ipv4hint", format: (octets) => formatAddresses(octets, 4, formatIpv4) },
  {
    name: "ech",
    format: (octets) => (octets.length === 0 ? undefined : btoa(encodeEscapes(octets, characterText))),
  },
  { name: "ipv6hint", format: (octets) => formatAddresses(octets, 16, formatIpv6) },
];

/** RFC 9460 §8: at least one key, ascending, and not `mandatory` itself. */
function formatMandatory(octets: Uint8Array): string | undefined {
  const keys = chunks(octets, 2).map(([high, low]) => (high! << 8) | low!);
  const isList =
    octets.length % 2 === 0 && keys.length > 0 && keys.every((key, i) => key > (keys[i - 1] ?? 0));
  return isList ? keys.map(keyName).join(",") : undefined;
}

/** Commas and backslashes of one item of a list, before the escapes of the whole string (RFC 9460 §A.1). */
const itemText = Array.from({ length: 256 }, (_, octet) => {
  const character = String.fromCharCode(octet);
  return character === "," || character === "\\" ? `\\${character}` : character;
});
/** Every octet as the character of its number. */
const characterText = Array.from({ length: 256 }, (_, octet) => String.fromCharCode(octet));

/** RFC 9460 §7.1.1: at least one protocol id, none empty. */
function formatAlpn(octets: Uint8Array): string | undefined {
  const ids: string[] = [];
  for (let at = 0; at < octets.length; at += 1 + octets[at]!) {
    const id = octets.subarray(at + 1, at + 1 + octets[at]!);
    if (id.length === 0 || id.length < octets[at]!) return undefined;
    ids.push(encodeEscapes(id, itemText));
  }
  if (ids.length === 0) return undefined;
  return quote(Uint8Array.from(ids.join(","), (character) => character.charCodeAt(0)));
}

/** RFC 9460 §7.3: at least one address. */
function formatAddresses(
  octets: Uint8Array,
  length: number,
  format: (octets: Uint8Array) => string,
): string | undefined {
  if (octets.length === 0 || octets.length % length !== 0) return undefined;
  return chunks(octets, length)
    .map((chunk) => format(chunk))
    .join(",");
}

/** The whole chunks of so many octets. */
function chunks(octets: Uint8Array, length: number): Uint8Array[] {
  const count = Math.floor(octets.length / length);
  return Array.from({ length: count }, (_, i) => octets.subarray(i * length, (i + 1) * length));
}
