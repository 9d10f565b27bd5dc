import { type Reader, Writer } from "./cursor.ts";
import { readName, writeName } from "./name-wire.ts";

/**
 * Types that this program keeps as octets, but whose old definitions let names in them be compressed: a pointer
 * would mean nothing outside its message, so such names are made whole (RFC 3597 §4). Numbers count octets that
 * stand between the names; what follows the last name is kept as it is.
 */
const layouts: ReadonlyMap<number, readonly ("name" | number)[]> = new Map([
  [3, ["name"]], // MD
  [4, ["name"]], // MF
  [7, ["name"]], // MB
  [8, ["name"]], // MG
  [9, ["name"]], // MR
  [14, ["name", "name"]], // MINFO
  [17, ["name", "name"]], // RP
  [18, [2, "name"]], // AFSDB
  [21, [2, "name"]], // RT
  [24, [18, "name"]], // SIG
  [26, [2, "name", "name"]], // PX
  [30, ["name"]], // NXT
  [1, ["name"]], // A of the Chaos net (RFC 1035 §3.4.1), the only A that is kept as octets
]);

/** The octets of the data that `reader` is in, names made whole. Throws a `WireError`. */
export function expand(reader: Reader, type: number): Uint8Array {
  const layout = layouts.get(type);
  if (layout === undefined || reader.offset === reader.end) return reader.rest();
  const writer = new Writer();
  for (const part of layout) {
    if (part === "name") writeName(writer, readName(reader), false);
    else writer.octets(reader.take(part));
  }
  writer.octets(reader.rest());
  return writer.finish().slice();
}
