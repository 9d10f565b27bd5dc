import { Reader } from "./cursor.ts";
import { WireError } from "./errors.ts";
import { formatName, integerFromText, parseName } from "./fields.ts";
import { className, classNumber, RrClass, RrType, typeName, typeNumber } from "./iana.ts";
import { MAX_TTL } from "./limits.ts";
import type { Rdata, ResourceRecord } from "./message.ts";
import { assemble, eachField, kindOf, rdataOctets, readRdata } from "./rdata.ts";
import { Tokens } from "./tokens.ts";

/** A zone file's line: `web.shop. 600 IN A 172.18.0.3` (RFC 1035 §5.1). */
export function formatRr(rr: ResourceRecord): string {
  return `${formatName(rr.name)} ${rr.ttl} ${className(rr.class)} ${typeName(rr.type)} ${formatRdata(rr)}`;
}

/** The data as `dig +short` prints it; `\# 4 0a000001` if it is known only as octets (RFC 3597 §5). */
export function formatRdata({ data }: Pick<ResourceRecord, "data">): string {
  if (data.kind === "unknown") return formatOctets(data.octets);
  const texts: string[] = [];
  eachField(data, (field, value) => texts.push(field.format(value)));
  // SVCB without parameters ends in a field without text.
  return texts.filter((text) => text !== "").join(" ");
}

/**
 * Reads a zone file's line: owner, TTL in seconds, class and type, then the data. The class may be absent (IN) or
 * before the TTL; names are absolute, with or without the dot; `\#` with octets does for every type. There is no
 * origin and no default TTL to take from other lines. Throws a `WireError` with the reason `text` or a narrower one.
 */
export function parseRr(line: string): ResourceRecord {
  const tokens = new Tokens(line);
  const name = parseName(tokens.next().text);
  let ttl: number | undefined;
  let rrclass: number | undefined;
  for (;;) {
    const { text } = tokens.next();
    if (ttl === undefined && /^\d/.test(text)) ttl = integerFromText(text, MAX_TTL);
    else if (rrclass === undefined && classNumber(text) !== undefined) rrclass = classNumber(text)!;
    else return finishRr(tokens, name, ttl, rrclass ?? RrClass.IN, text);
  }
}

function finishRr(
  tokens: Tokens,
  name: string,
  ttl: number | undefined,
  rrclass: number,
  typeText: string,
): ResourceRecord {
  const type = typeNumber(typeText);
  if (type === undefined || type === RrType.OPT)
    throw new WireError("text", `no record is of type ${typeText}`);
  if (ttl === undefined) throw new WireError("text", "it has no TTL");
  const data = parseRdata(tokens, type, rrclass);
  const [more] = tokens.rest();
  if (more !== undefined) throw new WireError("text", `nothing belongs before ${more.text}`);
  return { name, type, class: rrclass, ttl, data };
}

/** Data that could not be sent is refused as well. */
function parseRdata(tokens: Tokens, type: number, rrclass: number): Rdata {
  const first = tokens.peek();
  if (first?.text === "\\#" && !first.isQuoted) return parseOctets(tokens, type, rrclass);
  const kind = kindOf(type, rrclass);
  if (kind === undefined) throw new WireError("text", `the data of ${typeName(type)} is written as #`);
  const data = assemble(kind, (field) => field.parse(tokens));
  rdataOctets(data);
  return data;
}

/** `\# length octets`, the octets in hexadecimal digits that white space may divide (RFC 3597 §5). */
function parseOctets(tokens: Tokens, type: number, rrclass: number): Rdata {
  tokens.next();
  const length = integerFromText(tokens.next().text, 0xffff);
  const digits = tokens
    .rest()
    .map((token) => token.text)
    .join("");
  if (!/^[0-9a-f]*$/i.test(digits) || digits.length !== 2 * length) {
    throw new WireError("text", `${length} octets are ${2 * length} hexadecimal digits`);
  }
  const octets = Uint8Array.from({ length }, (_, i) => Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16));
  return readRdata(new Reader(octets, 0, Number.POSITIVE_INFINITY), type, rrclass, length);
}

function formatOctets(octets: Uint8Array): string {
  const digits = Array.from(octets, (octet) => octet.toString(16).padStart(2, "0")).join("");
  return `\\# ${octets.length}${digits === "" ? "" : ` ${digits}`}`;
}
