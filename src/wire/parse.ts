import { Reader } from "./cursor.ts";
import { WireError } from "./errors.ts";
import { RrType } from "./iana.ts";
import { HEADER_LENGTH, MAX_TTL } from "./limits.ts";
import type { Edns, EdnsOption, Header, Message, Question, ResourceRecord } from "./message.ts";
import { readName } from "./name-wire.ts";
import { readRdata } from "./rdata.ts";

/** A message, or what is wrong with it, together with what a FORMERR response needs. */
export type ParsedMessage =
  | { readonly ok: true; readonly message: Message }
  | {
      readonly ok: false;
      readonly error: WireError;
      /** Undefined if there are fewer than 12 octets. Its rcode has the header's four bits only. */
      readonly header: Header | undefined;
      /** The first question, if that could be read. */
      readonly question: Question | undefined;
    };

/** How many records each section has, as the header says (RFC 1035 §4.1.1). */
export interface Counts {
  readonly questions: number;
  readonly answers: number;
  readonly authority: number;
  readonly additional: number;
}

/**
 * Reads a whole message: all records that the header counts, and not an octet more. Never throws, whatever the
 * octets are; the time is bounded by their number. The message shares no memory with the octets.
 */
export function parseMessage(octets: Uint8Array): ParsedMessage {
  const reader = new Reader(octets, 0, HEADER_LENGTH);
  const questions: Question[] = [];
  try {
    return { ok: true, message: readMessage(reader, questions) };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { ok: false, error, header: parseHeader(octets), question: questions[0] };
  }
}

/** The header alone, its rcode of four bits; undefined if there are fewer than 12 octets. */
export function parseHeader(octets: Uint8Array): Header | undefined {
  if (octets.length < HEADER_LENGTH) return undefined;
  const [high, low] = [octets[2]!, octets[3]!];
  return {
    id: (octets[0]! << 8) | octets[1]!,
    qr: (high & 0x80) !== 0,
    opcode: (high >> 3) & 0xf,
    aa: (high & 0x04) !== 0,
    tc: (high & 0x02) !== 0,
    rd: (high & 0x01) !== 0,
    ra: (low & 0x80) !== 0,
    ad: (low & 0x20) !== 0,
    cd: (low & 0x10) !== 0,
    rcode: low & 0xf,
  };
}

/** The header's counts, which may lie; undefined if there are fewer than 12 octets. */
export function parseCounts(octets: Uint8Array): Counts | undefined {
  if (octets.length < HEADER_LENGTH) return undefined;
  const reader = new Reader(octets, 4, HEADER_LENGTH);
  return {
    questions: reader.uint16(),
    answers: reader.uint16(),
    authority: reader.uint16(),
    additional: reader.uint16(),
  };
}

/** Reads the questions into `questions`, where they outlive an error, and everything else into the message. */
function readMessage(reader: Reader, questions: Question[]): Message {
  const header = parseHeader(reader.octets);
  const counts = parseCounts(reader.octets);
  if (header === undefined || counts === undefined) throw new WireError("header-short");
  reader.offset = HEADER_LENGTH;
  for (let i = 0; i < counts.questions; i++) questions.push(readQuestion(reader));
  const answers = readSection(reader, counts.answers);
  const authority = readSection(reader, counts.authority);
  const { records: additional, opt } = readAdditional(reader, counts.additional);
  if (reader.offset < reader.end) throw new WireError("message-trailing");
  if (opt === undefined) return { header, questions, answers, authority, additional };
  const whole = { ...header, rcode: header.rcode | (opt.rcode << 4) };
  return { header: whole, questions, answers, authority, additional, edns: opt.edns };
}

function readQuestion(reader: Reader): Question {
  return { name: readName(reader), type: reader.uint16(), class: reader.uint16() };
}

function readSection(reader: Reader, count: number): ResourceRecord[] {
  const records: ResourceRecord[] = [];
  for (let i = 0; i < count; i++) {
    const name = readName(reader);
    const type = reader.uint16();
    if (type === RrType.OPT) throw new WireError("opt-section");
    records.push(readRecord(reader, name, type));
  }
  return records;
}

/** The additional section, where one OPT record may be (RFC 6891 §6.1.1). */
function readAdditional(reader: Reader, count: number): { records: ResourceRecord[]; opt: Opt | undefined } {
  const records: ResourceRecord[] = [];
  let opt: Opt | undefined;
  for (let i = 0; i < count; i++) {
    const name = readName(reader);
    const type = reader.uint16();
    if (type !== RrType.OPT) {
      records.push(readRecord(reader, name, type));
      continue;
    }
    if (opt !== undefined) throw new WireError("opt-twice");
    if (name !== ".") throw new WireError("opt-owner", name);
    opt = readOpt(reader);
  }
  return { records, opt };
}

function readRecord(reader: Reader, name: string, type: number): ResourceRecord {
  const rrclass = reader.uint16();
  const ttl = reader.uint32();
  const data = readRdata(reader, type, rrclass, reader.uint16());
  // RFC 8767 §4: a TTL with the highest bit set is a long one, and no longer zero (RFC 2181 §8).
  return { name, type, class: rrclass, ttl: Math.min(ttl, MAX_TTL), data };
}

/** An OPT record, with the upper eight bits of the rcode. */
interface Opt {
  readonly edns: Edns;
  readonly rcode: number;
}

/** What follows the type of an OPT record: class and TTL have other meanings there (RFC 6891 §6.1.2, §6.1.3). */
function readOpt(reader: Reader): Opt {
  const udpPayloadSize = reader.uint16();
  const rcode = reader.uint8();
  const version = reader.uint8();
  const flags = reader.uint16();
  const options = reader.rdata(reader.uint16(), () => readOptions(reader));
  return { rcode, edns: { udpPayloadSize, version, do: (flags & 0x8000) !== 0, options } };
}

function readOptions(reader: Reader): EdnsOption[] {
  const options: EdnsOption[] = [];
  while (reader.offset < reader.end) {
    if (reader.end - reader.offset < 4) throw new WireError("opt-option");
    const code = reader.uint16();
    const length = reader.uint16();
    if (length > reader.end - reader.offset) throw new WireError("opt-option");
    options.push({ code, data: reader.take(length) });
  }
  return options;
}
