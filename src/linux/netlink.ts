import { errnoName, libc, SystemError } from "./libc.ts";
import { inNamespace, type Namespace } from "./namespace.ts";

// Numbers of sys/socket.h and linux/netlink.h, the same on x64 and arm64, both of which are little-endian.
const AF_NETLINK = 16;
const SOCK_RAW = 3;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const NETLINK_ROUTE = 0;
const NETLINK_NETFILTER = 12;
const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 0x1;
const NLM_F_ACK = 0x4;
export const NLM_F_DUMP = 0x300;
const NLA_F_NESTED = 0x8000;
const HEADER_OCTETS = 16;
const ATTRIBUTE_HEADER_OCTETS = 4;
/** An attribute's type without the flags for nesting and for the order of octets. */
const NLA_TYPE_MASK = 0x3fff;

/** A message without what is only known when it is sent. */
export interface NetlinkMessage {
  readonly type: number;
  /** NLM_F_..., besides those that make it a request. */
  readonly flags: number;
  readonly payload: Uint8Array;
  /** What it is about, for error messages. */
  readonly about: string;
}

/** The kernel refused one message of a batch, and with it all of them. */
export class NetlinkError extends SystemError {
  readonly about: string;

  constructor(about: string, errno: number) {
    super(`netlink (${about})`, errno);
    this.about = about;
  }
}

/** A netlink socket of the netfilter family inside the namespace: closed on exec, and the caller's. */
export function netfilterSocket(namespace: Namespace): number {
  return inNamespace(namespace, () => netlinkSocket(NETLINK_NETFILTER));
}

/** The same in this process' own namespace. */
export const netfilterSocketHere = (): number => netlinkSocket(NETLINK_NETFILTER);

/** A netlink socket of the routing family in this process' own namespace, likewise. */
export const routeSocketHere = (): number => netlinkSocket(NETLINK_ROUTE);

function netlinkSocket(family: number): number {
  return libc().socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, family);
}

/**
 * Sends the messages as one and reads what the kernel says to each: it works while we send, so its answers are there
 * when that returns. Throws a NetlinkError for the first that was refused.
 */
export function transact(fd: number, messages: readonly NetlinkMessage[]): void {
  libc().send(fd, Buffer.concat(messages.map(encode)), 0);
  const buffer = Buffer.alloc(64 * 1024);
  for (;;) {
    const length = receive(fd, buffer);
    if (length === 0) return;
    for (let at = 0; at + HEADER_OCTETS <= length; at += align(buffer.readUInt32LE(at))) {
      const errno = buffer.readUInt16LE(at + 4) === NLMSG_ERROR ? -buffer.readInt32LE(at + HEADER_OCTETS) : 0;
      const about = messages[buffer.readUInt32LE(at + 8)]?.about ?? "an unknown message";
      if (errno !== 0) throw new NetlinkError(about, errno);
    }
  }
}

/**
 * The payloads of what the kernel tells when asked, to the end: of each item where it is asked for a list
 * (`NLM_F_DUMP`). Throws a NetlinkError if it refuses.
 */
export function ask(fd: number, message: NetlinkMessage): Buffer[] {
  libc().send(fd, encode(message, 0), 0);
  const buffer = Buffer.alloc(64 * 1024);
  const answers: Buffer[] = [];
  for (;;) {
    // Every reading lets the kernel write on, so until the end is told there is something.
    const length = receive(fd, buffer);
    if (length === 0) return answers;
    for (let at = 0; at + HEADER_OCTETS <= length; at += align(buffer.readUInt32LE(at))) {
      const type = buffer.readUInt16LE(at + 4);
      const payload = Buffer.from(buffer.subarray(at + HEADER_OCTETS, at + buffer.readUInt32LE(at)));
      if (type !== NLMSG_ERROR && type !== NLMSG_DONE) {
        answers.push(payload);
        continue;
      }
      const errno = -payload.readInt32LE(0);
      if (errno !== 0) throw new NetlinkError(message.about, errno);
      return answers;
    }
  }
}

/** 0 if there is nothing more. */
function receive(fd: number, buffer: Buffer): number {
  try {
    return libc().recv(fd, buffer, 0);
  } catch (error) {
    if (errnoName(error) === "EAGAIN") return 0;
    throw error;
  }
}

/** The place in the batch is the message's number, by which the kernel's answer is told. */
function encode({ type, flags, payload }: NetlinkMessage, sequence: number): Buffer {
  const octets = Buffer.alloc(align(HEADER_OCTETS + payload.length));
  octets.writeUInt32LE(HEADER_OCTETS + payload.length, 0);
  octets.writeUInt16LE(type, 4);
  octets.writeUInt16LE(NLM_F_REQUEST | NLM_F_ACK | flags, 6);
  octets.writeUInt32LE(sequence, 8);
  octets.set(payload, HEADER_OCTETS);
  return octets;
}

/** One attribute (struct nlattr): its length, its type, its value, padded. */
export function attribute(type: number, value: Uint8Array): Buffer {
  const octets = header(type, value.length);
  octets.set(value, ATTRIBUTE_HEADER_OCTETS);
  octets.fill(0, ATTRIBUTE_HEADER_OCTETS + value.length);
  return octets;
}

/** An attribute that holds others. */
export function nested(type: number, ...values: readonly Uint8Array[]): Buffer {
  const octets = header(
    type | NLA_F_NESTED,
    values.reduce((length, value) => length + value.length, 0),
  );
  let at = ATTRIBUTE_HEADER_OCTETS;
  for (const value of values) {
    octets.set(value, at);
    at += value.length;
  }
  return octets;
}

export function text(type: number, value: string): Buffer {
  return attribute(type, Buffer.from(`${value}\0`));
}

/** A number of four octets in the network's order, as netfilter wants them. */
export function number(type: number, value: number): Buffer {
  const octets = header(type, 4);
  octets.writeInt32BE(value, ATTRIBUTE_HEADER_OCTETS);
  return octets;
}

/** One of eight. */
export function long(type: number, value: number): Buffer {
  const octets = header(type, 8);
  octets.writeBigUInt64BE(BigInt(value), ATTRIBUTE_HEADER_OCTETS);
  return octets;
}

/** One attribute as the kernel told it. */
export interface Attribute {
  readonly type: number;
  /** Without padding; of a string with its NUL. */
  readonly value: Buffer;
  /** All of it, padded, as it is sent back. */
  readonly octets: Buffer;
}

/** The attributes behind the first `skipped` octets of a payload, or of the value that holds them. */
export function attributesOf(payload: Buffer, skipped = 0): Attribute[] {
  const attributes: Attribute[] = [];
  for (let at = skipped; at + ATTRIBUTE_HEADER_OCTETS <= payload.length; ) {
    const length = payload.readUInt16LE(at);
    // What is shorter than its header is none, and nothing can be found behind it.
    if (length < ATTRIBUTE_HEADER_OCTETS) break;
    attributes.push({
      type: payload.readUInt16LE(at + 2) & NLA_TYPE_MASK,
      value: payload.subarray(at + ATTRIBUTE_HEADER_OCTETS, at + length),
      octets: payload.subarray(at, at + align(length)),
    });
    at += align(length);
  }
  return attributes;
}

/** From Buffer's pool: a table has some 700 attributes, and is made at each attach. */
function header(type: number, length: number): Buffer {
  const octets = Buffer.allocUnsafe(align(ATTRIBUTE_HEADER_OCTETS + length));
  octets.writeUInt16LE(ATTRIBUTE_HEADER_OCTETS + length, 0);
  octets.writeUInt16LE(type, 2);
  return octets;
}

function align(length: number): number {
  return (length + 3) & ~3;
}
