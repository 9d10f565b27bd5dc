import type { Reader, Writer } from "./cursor.ts";
import { WireError } from "./errors.ts";
import { encodeEscapes, escapeTable } from "./escape.ts";
import { formatIpv4, formatIpv6, ipv4Number, parseIpv6 } from "./ip.ts";
import type { Name } from "./message.ts";
import { readName, readUncompressedName, writeName } from "./name-wire.ts";

/** One field of a record's data, in wire and in presentation format. What cannot be is a `WireError`. */
export interface Field<T> {
  read(reader: Reader): T;
  write(writer: Writer, value: T): void;
  format(value: T): string;
}

export const uint8: Field<number> = integer(
  (reader) => reader.uint8(),
  (writer, value) => writer.uint8(value),
);

export const uint16: Field<number> = integer(
  (reader) => reader.uint16(),
  (writer, value) => writer.uint16(value),
);

export const uint32: Field<number> = integer(
  (reader) => reader.uint32(),
  (writer, value) => writer.uint32(value),
);

/** A name that may be compressed: only in types that RFC 1035 defines (RFC 3597 §4). */
export const compressibleName: Field<Name> = nameField(readName, true);

/** A name that is sent whole, but read even when compressed, for old senders do so (RFC 3597 §4). */
export const wholeName: Field<Name> = nameField(readName, false);

/** A name that must have been sent whole (RFC 9460 §2.2). */
export const strictlyWholeName: Field<Name> = nameField(readUncompressedName, false);

export const ipv4: Field<string> = {
  read: (reader) => formatIpv4(reader.octets, reader.advance(4)),
  // Not by `parseIpv4`'s array, for most records of a registry are A records.
  write(writer, value) {
    const address = ipv4Number(value);
    if (address === undefined) throw new WireError("address", value);
    writer.uint32(address);
  },
  format: (value) => value,
};

export const ipv6: Field<string> = {
  read: (reader) => formatIpv6(reader.octets, reader.advance(16)),
  write(writer, value) {
    const octets = parseIpv6(value);
    if (octets === undefined) throw new WireError("address", value);
    writer.octets(octets);
  },
  format: (value) => value,
};

/** A character-string of at most 255 octets (RFC 1035 §3.3). */
export const characterString: Field<Uint8Array> = {
  read: (reader) => reader.string(),
  write: (writer, value) => writer.string(value),
  format: quote,
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
};

/** Octets to the end of the data (CAA's value, RFC 8659 §4.1.1). */
export const remainder: Field<Uint8Array> = {
  read: (reader) => reader.rest(),
  write: (writer, value) => writer.octets(value),
  format: quote,
};

/** CAA's tag: letters and digits with their number before them (RFC 8659 §4.1). */
export const tag: Field<string> = {
  read: (reader) => checkedTag(String.fromCharCode(...reader.string())),
  write(writer, value) {
    writer.uint8(checkedTag(value).length);
    writer.ascii(value, 0, value.length);
  },
  format: (value) => value,
};

/** `"text"`, with escapes. */
export function quote(octets: Uint8Array): string {
  return `"${encodeEscapes(octets, stringText)}"`;
}

const stringText = escapeTable(" ", '"\\');

function integer(
  read: (reader: Reader) => number,
  write: (writer: Writer, value: number) => void,
): Field<number> {
  return { read, write, format: String };
}

function nameField(read: (reader: Reader) => Name, compress: boolean): Field<Name> {
  return {
    read,
    write: (writer, name) => writeName(writer, name, compress),
    format: formatName,
  };
}

/** A name with the escapes that a zone file needs beyond those of `Name` (RFC 1035 §5.1). */
function formatName(name: Name): string {
  return name.replace(/[";()@$]/g, "\\$&");
}

function checkedTag(value: string): string {
  if (!/^[0-9a-z]{1,255}$/i.test(value)) throw new WireError("caa-tag", value);
  return value;
}
