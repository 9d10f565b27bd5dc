import { NameOffsets, Writer } from "./cursor.ts";
import { WireError } from "./errors.ts";
import { RrType } from "./iana.ts";
import { HEADER_LENGTH, MAX_MESSAGE, MAX_TTL } from "./limits.ts";
import type { Edns, Header, Message, Question, ResourceRecord } from "./message.ts";
import { writeName } from "./name-wire.ts";
import { writeRdata } from "./rdata.ts";

/**
 * The message as octets, names compressed, the OPT record after the other additional records. Throws a `WireError`
 * for a value that the wire cannot carry and for a message above 65,535 octets.
 */
export function composeMessage(message: Message): Uint8Array {
  const prefix = composePrefix(message, MAX_MESSAGE - optLength(message.edns));
  if (!prefix.isWhole) throw new WireError("message-long");
  return finishMessage(prefix, message.header, message.edns);
}

/** The beginning of a message that still lacks what its header says and the OPT record. */
export interface Prefix {
  readonly writer: Writer;
  /** How many questions, answers, authority and additional records are in it. */
  readonly counts: readonly [number, number, number, number];
  /** Where each of them ends, in the order of the message. */
  readonly ends: readonly number[];
  /** Whether nothing was left out. */
  readonly isWhole: boolean;
}

/** What the header is until it is known. */
const NO_HEADER = new Uint8Array(HEADER_LENGTH);

/** Composes what fits `room` octets, without the OPT record; looks at nothing after the first that does not. */
export function composePrefix(message: Message, room: number): Prefix {
  const writer = new Writer(new NameOffsets());
  writer.octets(NO_HEADER);
  const counts: [number, number, number, number] = [0, 0, 0, 0];
  const ends: number[] = [];
  const fits = <T>(section: number, entries: readonly T[], write: (writer: Writer, entry: T) => void) => {
    for (const entry of entries) {
      write(writer, entry);
      if (writer.length > room) {
        writer.cut(ends.at(-1) ?? HEADER_LENGTH);
        return false;
      }
      counts[section]! += 1;
      ends.push(writer.length);
    }
    return true;
  };
  const isWhole =
    fits(0, message.questions, writeQuestion) &&
    fits(1, message.answers, writeRecord) &&
    fits(2, message.authority, writeRecord) &&
    fits(3, message.additional, writeRecord);
  // Without entries, nothing above has looked at the room.
  return { writer, counts, ends, isWhole: isWhole && writer.length <= room };
}

/** Adds to a prefix the OPT record and the header. */
export function finishMessage(
  { writer, counts: [questions, answers, authority, additional] }: Omit<Prefix, "ends" | "isWhole">,
  header: Header,
  edns: Edns | undefined,
): Uint8Array {
  if (edns !== undefined) writeOpt(writer, edns, header.rcode >> 4);
  else if (header.rcode > 0xf) throw new WireError("rcode", String(header.rcode));
  writer.patch16(0, header.id);
  writer.patch16(2, flagsOf(header));
  writer.patch16(4, questions);
  writer.patch16(6, answers);
  writer.patch16(8, authority);
  writer.patch16(10, additional + (edns === undefined ? 0 : 1));
  return writer.finish();
}

/** Octets of the OPT record: its fixed part, and four more for each option (RFC 6891 §6.1.2). */
export function optLength(edns: Edns | undefined): number {
  if (edns === undefined) return 0;
  return edns.options.reduce((length, option) => length + 4 + option.data.length, 11);
}

function flagsOf(header: Header): number {
  if (header.opcode > 0xf) throw new WireError("number", String(header.opcode));
  const flag = (isSet: boolean, bit: number) => (isSet ? 1 << bit : 0);
  return (
    flag(header.qr, 15) |
    (header.opcode << 11) |
    flag(header.aa, 10) |
    flag(header.tc, 9) |
    flag(header.rd, 8) |
    flag(header.ra, 7) |
    flag(header.ad, 5) |
    flag(header.cd, 4) |
    (header.rcode & 0xf)
  );
}

function writeQuestion(writer: Writer, question: Question): void {
  writeName(writer, question.name, true);
  writer.uint16(question.type);
  writer.uint16(question.class);
}

function writeRecord(writer: Writer, rr: ResourceRecord): void {
  // The message's `edns` is the one source of it.
  if (rr.type === RrType.OPT) throw new WireError("opt-section");
  if (rr.ttl > MAX_TTL) throw new WireError("number", String(rr.ttl));
  writeName(writer, rr.name, true);
  writer.uint16(rr.type);
  writer.uint16(rr.class);
  writer.uint32(rr.ttl);
  writeRdata(writer, rr.type, rr.class, rr.data);
}

function writeOpt(writer: Writer, edns: Edns, rcode: number): void {
  writer.uint8(0);
  writer.uint16(RrType.OPT);
  writer.uint16(edns.udpPayloadSize);
  writer.uint8(rcode);
  writer.uint8(edns.version);
  writer.uint16(edns.do ? 0x8000 : 0);
  writer.rdata(() => {
    for (const { code, data } of edns.options) {
      writer.uint16(code);
      writer.uint16(data.length);
      writer.octets(data);
    }
  });
}
