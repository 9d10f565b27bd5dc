import type { Reader, Writer } from "./cursor.ts";
import { WireError } from "./errors.ts";
import {
  characterString,
  characterStrings,
  compressibleName,
  type Field,
  ipv4,
  ipv6,
  remainder,
  strictlyWholeName,
  tag,
  uint8,
  uint16,
  uint32,
  wholeName,
} from "./fields.ts";
import { RrClass, RrType } from "./iana.ts";
import type { Rdata } from "./message.ts";
import { expand } from "./old-types.ts";
import { serviceParams } from "./svcb.ts";

type Kind = Exclude<Rdata["kind"], "unknown">;

/**
 * The fields of every kind of data, in their order on the wire and in presentation format. To add a type: its
 * number in `iana.ts`, its shape in `message.ts`, its fields here.
 */
const fieldsOf: { readonly [K in Kind]: FieldsOf<K> } = {
  A: { address: ipv4 },
  AAAA: { address: ipv6 },
  NS: { target: compressibleName },
  CNAME: { target: compressibleName },
  PTR: { target: compressibleName },
  // RFC 6672 §2.5: never sent compressed.
  DNAME: { target: wholeName },
  SOA: {
    mname: compressibleName,
    rname: compressibleName,
    serial: uint32,
    refresh: uint32,
    retry: uint32,
    expire: uint32,
    minimum: uint32,
  },
  MX: { preference: uint16, exchange: compressibleName },
  TXT: { strings: characterStrings },
  HINFO: { cpu: characterString, os: characterString },
  SRV: { priority: uint16, weight: uint16, port: uint16, target: wholeName },
  NAPTR: {
    order: uint16,
    preference: uint16,
    flags: characterString,
    services: characterString,
    regexp: characterString,
    replacement: wholeName,
  },
  SVCB: { priority: uint16, target: strictlyWholeName, params: serviceParams },
  HTTPS: { priority: uint16, target: strictlyWholeName, params: serviceParams },
  CAA: { flags: uint8, tag, value: remainder },
};

/** Reads a record's data, which takes exactly `length` octets. Throws a `WireError`. */
export function readRdata(reader: Reader, type: number, rrclass: number, length: number): Rdata {
  const kind = kindOf(type, rrclass);
  return reader.rdata(length, () => {
    // RFC 2136 §2.4 and §2.5: updates have records without data in these two classes.
    const isBare = length === 0 && (rrclass === RrClass.ANY || rrclass === RrClass.NONE);
    if (kind !== undefined && !isBare) return readFields(reader, kind);
    return { kind: "unknown", octets: expand(reader, type) };
  });
}

/** Writes a record's data with its length before it. Throws a `WireError`. */
export function writeRdata(writer: Writer, type: number, rrclass: number, data: Rdata): void {
  if (data.kind !== "unknown" && data.kind !== kindOf(type, rrclass))
    throw new WireError("rdata-kind", data.kind);
  writer.rdata(() => {
    if (data.kind === "unknown") writer.octets(data.octets);
    else eachField(data, (field, value) => field.write(writer, value));
  });
}

/** What a type's data is in a class; undefined if this program knows it only as octets. */
function kindOf(type: number, rrclass: number): Kind | undefined {
  // RFC 1035 §3.4.1: an address of the Chaos net is something else.
  return type === RrType.A && rrclass === RrClass.CH ? undefined : kinds.get(type);
}

function readFields(reader: Reader, kind: Kind): Rdata {
  const data: Record<string, unknown> = { kind };
  for (const [key, field] of orderedFields[kind]) data[key] = field.read(reader);
  // `FieldsOf` has made sure that these are the fields of the kind.
  return data as unknown as Rdata;
}

/** Calls `visit` with each field and its value, in order. */
export function eachField(
  data: Rdata & { kind: Kind },
  visit: (field: Field<unknown>, value: unknown) => void,
): void {
  const values = data as unknown as Readonly<Record<string, unknown>>;
  for (const [key, field] of orderedFields[data.kind]) visit(field, values[key]);
}

/** For each property of a kind's data the field with its type. */
type FieldsOf<K extends Kind> = { readonly [P in keyof Said<K>]: Field<Said<K>[P]> };
type Said<K extends Kind, R = Rdata> = R extends { readonly kind: infer Kinds }
  ? K extends Kinds
    ? Omit<R, "kind">
    : never
  : never;

const kinds = new Map(Object.keys(fieldsOf).map((kind) => [RrType[kind as Kind] as number, kind as Kind]));

const orderedFields = Object.fromEntries(
  Object.entries(fieldsOf).map(([kind, fields]) => [kind, Object.entries(fields)]),
) as unknown as Readonly<Record<Kind, readonly (readonly [string, Field<unknown>])[]>>;
