import { Writer } from "./cursor.ts";
import { encodeEscapes } from "./escape.ts";
import { quote } from "./fields.ts";
import { formatIpv4, formatIpv6, parseIpv4, parseIpv6 } from "./ip.ts";

/** The service parameters with a name (RFC 9460 §14.3.2). */
export const SvcKey = {
  MANDATORY: 0,
  ALPN: 1,
  NO_DEFAULT_ALPN: 2,
  PORT: 3,
  IPV4HINT: 4,
  ECH: 5,
  IPV6HINT: 6,
} as const;

/** `alpn`, or `key999` for a key without a name here. */
export function keyName(key: number): string {
  return keyNames[key] ?? `key${key}`;
}

/** The number of `alpn` or `key999`. */
export function keyNumber(name: string): number | undefined {
  const named = keyNames.indexOf(name);
  if (named >= 0) return named;
  const [, digits] = /^key(0|[1-9]\d{0,4})$/.exec(name) ?? [];
  return digits !== undefined && Number(digits) <= 0xffff ? Number(digits) : undefined;
}

/** A value as text; undefined if the octets are no value of the key, or the key has no name. */
export function formatValue(key: number, octets: Uint8Array): string | undefined {
  return formats[key]?.format(octets);
}

/** The octets of a value's text, which has lost its quotes and escapes; undefined if it is no value of the key. */
export function parseValue(key: number, text: Uint8Array): Uint8Array | undefined {
  return formats[key]?.parse(text);
}

/** The keys that a value of `mandatory` lists. */
export function keysOf(value: Uint8Array): number[] {
  return chunks(value, 2).map(([high, low]) => (high! << 8) | low!);
}

interface ValueFormat {
  format(octets: Uint8Array): string | undefined;
  parse(text: Uint8Array): Uint8Array | undefined;
}

const keyNames = ["mandatory", "alpn", "no-default-alpn", "port", "ipv4hint", "ech", "ipv6hint"];

/** By key, as in `SvcKey`. */
const formats: readonly ValueFormat[] = [
  { format: formatMandatory, parse: (text) => parseMandatory(characters(text)) },
  { format: formatAlpn, parse: parseAlpn },
  {
    format: (octets) => (octets.length === 0 ? "" : undefined),
    parse: (text) => (text.length === 0 ? text : undefined),
  },
  {
    format: (octets) => (octets.length === 2 ? String((octets[0]! << 8) | octets[1]!) : undefined),
    parse: (text) => parsePort(characters(text)),
  },
  addresses(4, formatIpv4, parseIpv4),
  {
    format: (octets) => (octets.length === 0 ? undefined : btoa(characters(octets))),
    parse: (text) => parseBase64(characters(text)),
  },
  addresses(16, formatIpv6, parseIpv6),
];

/** RFC 9460 §8: at least one key, ascending, and not `mandatory` itself. */
function formatMandatory(octets: Uint8Array): string | undefined {
  const keys = keysOf(octets);
  const isList =
    octets.length % 2 === 0 && keys.length > 0 && keys.every((key, i) => key > (keys[i - 1] ?? 0));
  return isList ? keys.map(keyName).join(",") : undefined;
}

function parseMandatory(text: string): Uint8Array | undefined {
  const keys = text.split(",").map(keyNumber);
  if (keys.includes(undefined) || keys.includes(SvcKey.MANDATORY) || new Set(keys).size < keys.length)
    return undefined;
  const ascending = (keys as number[]).sort((one, other) => one - other);
  return Uint8Array.from(ascending.flatMap((key) => [key >> 8, key & 0xff]));
}

const COMMA = 0x2c;
const BACKSLASH = 0x5c;
/** Commas and backslashes of one item of a list, before the escapes of the whole string (RFC 9460 §A.1). */
const itemText = Array.from({ length: 256 }, (_, octet) =>
  octet === COMMA || octet === BACKSLASH ? `\\${String.fromCharCode(octet)}` : String.fromCharCode(octet),
);
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

function parseAlpn(text: Uint8Array): Uint8Array | undefined {
  const writer = new Writer();
  let id: number[] = [];
  const finishId = () => {
    if (id.length === 0 || id.length > 255) return false;
    writer.string(Uint8Array.from(id));
    id = [];
    return true;
  };
  for (let at = 0; at < text.length; at++) {
    if (text[at] === COMMA) {
      if (!finishId()) return undefined;
      continue;
    }
    if (text[at] === BACKSLASH) at += 1;
    if (at === text.length) return undefined;
    id.push(text[at]!);
  }
  return finishId() ? writer.finish().slice() : undefined;
}

function parsePort(text: string): Uint8Array | undefined {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 0xffff) return undefined;
  return Uint8Array.of(Number(text) >> 8, Number(text));
}

function parseBase64(text: string): Uint8Array | undefined {
  if (!/^(?:[0-9a-z+/]{4})*(?:[0-9a-z+/]{2}==|[0-9a-z+/]{3}=|[0-9a-z+/]{4})$/i.test(text)) return undefined;
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

/** RFC 9460 §7.3: at least one address. */
function addresses(
  length: number,
  format: (octets: Uint8Array) => string,
  parse: (text: string) => Uint8Array | undefined,
): ValueFormat {
  return {
    format(octets) {
      if (octets.length === 0 || octets.length % length !== 0) return undefined;
      return chunks(octets, length)
        .map((chunk) => format(chunk))
        .join(",");
    },
    parse(text) {
      const writer = new Writer();
      for (const part of characters(text).split(",")) {
        const octets = parse(part);
        if (octets === undefined) return undefined;
        writer.octets(octets);
      }
      return writer.finish().slice();
    },
  };
}

/** The whole chunks of so many octets. */
function chunks(octets: Uint8Array, length: number): Uint8Array[] {
  const count = Math.floor(octets.length / length);
  return Array.from({ length: count }, (_, i) => octets.subarray(i * length, (i + 1) * length));
}

function characters(octets: Uint8Array): string {
  return encodeEscapes(octets, characterText);
}
