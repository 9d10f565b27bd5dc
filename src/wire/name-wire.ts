import type { NameOffsets, Reader, ReadName, Writer } from "./cursor.ts";
import { WireError } from "./errors.ts";
import { decodeEscapes, ESCAPED } from "./escape.ts";
import { MAX_HOPS, MAX_LABEL, MAX_NAME, MAX_POINTER } from "./limits.ts";
import type { Name } from "./message.ts";
import { labelText } from "./name.ts";

/**
 * Reads a name and follows its compression pointers (RFC 1035 §4.1.4). A pointer must lead to before the labels
 * that it ends, which makes loops impossible; its target is decoded once per message, which bounds the work.
 * Throws a `WireError`.
 */
export function readName(reader: Reader): Name {
  return readFrom(reader).name;
}

/** Reads a name of a type whose names must not be compressed; throws a `WireError` if it is. */
export function readUncompressedName(reader: Reader): Name {
  const { name, hops } = readFrom(reader);
  if (hops > 0) throw new WireError("pointer-forbidden");
  return name;
}

/**
 * Writes a name. With `compress`, its longest end that stands in the message already becomes a pointer, and later
 * names may point to it. Ends are compared with letter case, so that every name keeps its own.
 * Throws a `WireError` for what is not a `Name`.
 */
export function writeName(writer: Writer, name: Name, compress: boolean): void {
  const hasEscapes = name.includes("\\");
  const length = hasEscapes ? (decodeEscapes(name)?.length ?? 0) : name.length;
  if (length === 0) throw new WireError("name", name);
  if (length >= MAX_NAME) throw new WireError("name-long");
  const names = compress && name !== "." ? writer.names : undefined;
  if (names?.first?.name === name) {
    writer.uint16(0xc000 | names.first.at);
    return;
  }
  const ends = names && endsFor(names, name, hasEscapes, writer.length);
  for (let at = name === "." ? 1 : 0; at < name.length; ) {
    if (ends !== undefined) {
      const end = name.slice(at);
      const offset = ends.get(end);
      if (offset !== undefined) {
        writer.uint16(0xc000 | offset);
        return;
      }
      if (writer.length <= MAX_POINTER) ends.set(end, writer.length);
    }
    const dot = hasEscapes ? endOfLabel(name, at) : name.indexOf(".", at);
    if (dot < 0) throw new WireError("name", name);
    if (hasEscapes) writeEscapedLabel(writer, name, at, dot);
    else writePlainLabel(writer, name, at, dot);
    at = dot + 1;
  }
  writer.uint8(0);
}

/** Where to look for the ends of a name, and to note them; undefined for the first name, which is only noted whole. */
function endsFor(names: NameOffsets, name: Name, hasEscapes: boolean, at: number): NameOffsets["ends"] {
  if (names.ends !== undefined) return names.ends;
  const { first } = names;
  if (first === undefined && !hasEscapes && at + name.length <= MAX_POINTER) {
    names.first = { name, at };
    return undefined;
  }
  names.ends = new Map();
  // Without escapes, a name has as many octets before each of its labels as characters.
  for (let label = 0; first !== undefined && label < first.name.length; ) {
    names.ends.set(first.name.slice(label), first.at + label);
    label = first.name.indexOf(".", label) + 1;
  }
  return names.ends;
}

const DOT = 0x2e;

function readFrom(reader: Reader): ReadName {
  return readAt(reader, reader.offset, reader.end, 0);
}

/** Reads the name at `start`, to which `hops` pointers led, and leaves the reader behind it. */
function readAt(reader: Reader, start: number, end: number, hops: number): ReadName {
  const { octets } = reader;
  let used = 0;
  let at = start;
  for (;;) {
    if (at >= end) throw reader.short();
    const head = octets[at]!;
    if (head === 0) {
      reader.offset = at + 1;
      return { name: scratchText(used) || ".", length: at + 1 - start, hops: 0 };
    }
    if (head >= 0xc0) break;
    if (head > MAX_LABEL) throw new WireError("label-kind", String(head));
    const after = at + 1 + head;
    if (after >= end) throw reader.short();
    if (after - start >= MAX_NAME) throw new WireError("name-long");
    used = putLabel(octets, at + 1, after, used);
    at = after;
  }
  if (at + 1 >= end) throw reader.short();
  const own = scratchText(used);
  const rest = readPointed(reader, ((octets[at]! & 0x3f) << 8) | octets[at + 1]!, start, hops + 1);
  reader.offset = at + 2;
  const length = at - start + rest.length;
  if (length > MAX_NAME) throw new WireError("name-long");
  const name = own === "" || rest.name !== "." ? own + rest.name : own;
  return { name, length, hops: rest.hops + 1 };
}

/** The name that the `hops`th pointer leads to, from labels that began at `from`. */
function readPointed(reader: Reader, target: number, from: number, hops: number): ReadName {
  if (target >= from || target < reader.firstTarget) throw new WireError("pointer-target", String(target));
  const known = reader.pointedNames.get(target);
  if (hops + (known?.hops ?? 0) > MAX_HOPS) throw new WireError("pointer-depth");
  if (known !== undefined) return known;
  const read = readAt(reader, target, reader.octets.length, hops);
  reader.pointedNames.set(target, read);
  return read;
}

/** Character codes of the name being read: its octets in presentation format, at most four characters for each. */
const scratch = new Uint8Array(4 * MAX_NAME);

function scratchText(used: number): string {
  if (used === 0) return "";
  // One call gives a flat text, which a table of names can hash at once; concatenations would not.
  return String.fromCharCode.apply(null, scratch.subarray(0, used) as unknown as number[]);
}

/** Puts a label and its dot at `used` of the scratch; gives what is used then. */
function putLabel(octets: Uint8Array, from: number, to: number, used: number): number {
  let put = used;
  for (let at = from; at < to; at++) {
    const text = labelText[octets[at]!]!;
    if (text.length === 1) scratch[put++] = octets[at]!;
    else for (let i = 0; i < text.length; i++) scratch[put++] = text.charCodeAt(i);
  }
  scratch[put++] = DOT;
  return put;
}

/** Where the dot after the label at `at` is; -1 if the text ends first. */
function endOfLabel(name: Name, at: number): number {
  for (let i = at; i < name.length; i++) {
    if (name[i] === "\\") i += 1;
    else if (name[i] === ".") return i;
  }
  return -1;
}

function writePlainLabel(writer: Writer, name: Name, from: number, to: number): void {
  if (to === from || to - from > MAX_LABEL) throw new WireError("name", name);
  writer.uint8(to - from);
  if (!writer.ascii(name, from, to)) throw new WireError("name", name);
}

function writeEscapedLabel(writer: Writer, name: Name, from: number, to: number): void {
  const octets = decodeEscapes(name.slice(from, to)) ?? [];
  const isBare = (octet: number) => octet <= 0x20 || (octet >= 0x7f && octet < ESCAPED);
  if (octets.length === 0 || octets.length > MAX_LABEL || octets.some(isBare))
    throw new WireError("name", name);
  writer.string(Uint8Array.from(octets, (octet) => octet & ~ESCAPED));
}
