import type { Reader, Writer } from "./cursor.ts";
import { WireError } from "./errors.ts";
import { decodeEscapes, ESCAPED, encodeEscapes, escapeTable } from "./escape.ts";
import { formatIpv4, formatIpv6, ipv4Number, parseIpv4, parseIpv6 } from "./ip.ts";
import type { Name } from "./message.ts";
import { nameFromText } from "./name.ts";
import { readName, readUncompressedName, writeName } from "./name-wire.ts";
import type { Tokens } from "./tokens.ts";

/** One field of a record's data, in wire and in presentation format. What cannot be is a `WireError`. */
export interface Field<T> {
  read(reader: Reader): T;
  write(writer: Writer, value: T): void;
  format(value: T): string;
  /** Takes the field's token, or all that are left where the field is a list. */
  parse(tokens: Tokens): T;
}

export const uint8: Field<number> = integer(
  0xff,
  (reader) => reader.uint8(),
  (writer, value) => writer.uint8(value),
);

export const uint16: Field<number> = integer(
  0xffff,
  (reader) => reader.uint16(),
  (writer, value) => writer.uint16(value),
);

export const uint32: Field<number> = integer(
  0xffffffff,
  (reader) => reader.uint32(),
  (writer, value) => writer.uint32(value),
);

/** A name that may be compressed: only in types that RFC 1035 defines (RFC 3597 §4). */
export const compressibleName: Field<Name> = nameField(readName, true);

/** A name that is sent whole, but read even when compressed, for old senders do so (RFC 3597 §4). */
export const wholeName: Field<Name> = nameField(readName, false);

/** A name that must have been sent whole (RFC 9460 §2.2). */
export const strictlyWholeName: Field<Name> = nameField(readUncompressedName, false);

/** IPv4 has a way around `parseIpv4`'s array, for most records of a registry are A records. */
export const ipv4: Field<string> = {
  ...address(4, formatIpv4, parseIpv4),
  write(writer, value) {
    const address = ipv4Number(value);
    if (address === undefined) throw new WireError("address", value);
    writer.uint32(address);
  },
};
export const ipv6: Field<string> = address(16, formatIpv6, parseIpv6);

/** A character-string of at most 255 octets (RFC 1035 §3.3). */
export const characterString: Field<Uint8Array> = {
  read: (reader) => reader.string(),
  write: (writer, value) => writer.string(value),
  format: quote,
  parse: (tokens) => octetsFromText(tokens.next().text),
};

/** One character-string or more, to the end of the data (RFC 1035 §3.3.14). */
export const characterStrings: Field<readonly Uint8Array[]> = {
  read(reader) {
    const strings: Uint8Array[] = [];
    while (reader.offset < reader.end) strings.push(reader.string());
    if (strings.length === 0) throw new WireError("txt-empty");
    return strings;
  },
  write(writer, strings) {
    if (strings.length === 0) throw new WireError("txt-empty");
    for (const string of strings) writer.string(string);
  },
  format: (strings) => strings.map(quote).join(" "),
  parse: (tokens) => [tokens.next(), ...tokens.rest()].map((token) => octetsFromText(token.text)),
};

/** Octets to the end of the data (CAA's value, RFC 8659 §4.1.1). */
export const remainder: Field<Uint8Array> = {
  read: (reader) => reader.rest(),
  write: (writer, value) => writer.octets(value),
  format: quote,
  parse: (tokens) => octetsFromText(tokens.next().text),
};

/** CAA's tag: letters and digits with their number before them (RFC 8659 §4.1). */
export const tag: Field<string> = {
  read: (reader) => checkedTag(String.fromCharCode(...reader.string())),
  write(writer, value) {
    writer.uint8(checkedTag(value).length);
    writer.ascii(value, 0, value.length);
  },
  format: (value) => value,
  parse: (tokens) => checkedTag(tokens.next().text),
};

/** `"text"`, with escapes. */
export function quote(octets: Uint8Array): string {
  return `"${encodeEscapes(octets, stringText)}"`;
}

/** The octets of a character-string's text, without its quotes. */
export function octetsFromText(text: string): Uint8Array {
  const octets = decodeEscapes(text);
  if (octets === undefined) throw new WireError("text", text);
  return Uint8Array.from(octets, (octet) => octet & ~ESCAPED);
}

/** A decimal number of 0 to `max`. */
export function integerFromText(text: string, max: number): number {
  if (!/^\d{1,10}$/.test(text) || Number(text) > max) throw new WireError("number", text);
  return Number(text);
}

const stringText = escapeTable(" ", '"\\');

function integer(
  max: number,
  read: (reader: Reader) => number,
  write: (writer: Writer, value: number) => void,
): Field<number> {
  return { read, write, format: String, parse: (tokens) => integerFromText(tokens.next().text, max) };
}

function nameField(read: (reader: Reader) => Name, compress: boolean): Field<Name> {
  return {
    read,
    write: (writer, name) => writeName(writer, name, compress),
    format: formatName,
    parse: (tokens) => parseName(tokens.next().text),
  };
}

/** A name with the escapes that a zone file needs beyond those of `Name` (RFC 1035 §5.1). */
export function formatName(name: Name): string {
  return name.replace(/[";()@$]/g, "\\$&");
}

/** The name of a text, absolute with or without the dot. */
export function parseName(text: string): Name {
  const name = nameFromText(text);
  if (name === undefined) throw new WireError("name", text);
  return name;
}

function address(
  length: number,
  format: (octets: Uint8Array, at?: number) => string,
  parse: (text: string) => Uint8Array | undefined,
): Field<string> {
  const octetsOf = (text: string) => {
    const octets = parse(text);
    if (octets === undefined) throw new WireError("address", text);
    return octets;
  };
  return {
    read: (reader) => format(reader.octets, reader.advance(length)),
    write: (writer, value) => writer.octets(octetsOf(value)),
    format: (value) => value,
    parse: (tokens) => format(octetsOf(tokens.next().text)),
  };
}

function checkedTag(value: string): string {
  if (!/^[0-9a-z]{1,255}$/i.test(value)) throw new WireError("caa-tag", value);
  return value;
}
