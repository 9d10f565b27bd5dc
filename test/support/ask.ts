import type { Socket as UdpSocket } from "node:dgram";
import { createSocket } from "node:dgram";
import { createServer, type Socket as TcpSocket } from "node:net";
import dnsPacket from "dns-packet";
import type { Namespace } from "../../src/linux/namespace.ts";
import { serverSockets } from "../../src/linux/sockets.ts";
import { namespaceDialer, udpSocketInside } from "../../src/sandbox/namespace-dialer.ts";

/*
 * Both ends of a DNS conversation, in other network namespaces, without a program of their own there: who asks a
 * container's 127.0.0.11, and an upstream that answers everything and remembers who asked. Messages are made and read
 * without the codec that is tested.
 */

/** Who answers, and in how many ms; undefined is silence. */
export interface Reply {
  readonly octets: Buffer | undefined;
  readonly ms: number;
}

/**
 * Asks 127.0.0.11:53 in the namespace. The question is written as for dig: a name, and if need be a type, a class
 * and flags: `web`, `web AAAA +tcp`, `web A CH +bufsize=1232 +ad +cd +nord +nsid +edns=1 +opcode=4 +qdcount=0`.
 */
export async function ask(namespace: Namespace, question: string, timeoutMs: number): Promise<Reply> {
  const began = performance.now();
  const query = encode(question);
  const put = question.includes("+tcp") ? overTcp : overUdp;
  const octets = await put(namespace, query, timeoutMs);
  return { octets, ms: performance.now() - began };
}

const TYPES: Readonly<Record<string, number>> = {
  A: 1,
  NS: 2,
  CNAME: 5,
  SOA: 6,
  PTR: 12,
  MX: 15,
  TXT: 16,
  AAAA: 28,
  SRV: 33,
  NAPTR: 35,
  DS: 43,
  SVCB: 64,
  HTTPS: 65,
  IXFR: 251,
  AXFR: 252,
  ANY: 255,
  TYPE999: 999,
};
const CLASSES: Readonly<Record<string, number>> = { IN: 1, CH: 3, HS: 4, CLASS255: 255 };
const NSID = Buffer.from([0, 3, 0, 0]);
let lastId = 0;

function encode(question: string): Buffer {
  const [name = ".", ...words] = question.split(" ");
  const flags = new Map(words.filter((word) => word[0] === "+").map((word) => pair(word.slice(1))));
  const type = TYPES[words.find((word) => word in TYPES) ?? "A"]!;
  const rrclass = CLASSES[words.find((word) => word in CLASSES) ?? "IN"]!;
  const number = (flag: string, otherwise: number) => Number(flags.get(flag) ?? otherwise);
  const isEdns = ["bufsize", "edns", "nsid"].some((flag) => flags.has(flag));
  const count = number("qdcount", 1);
  const header = Buffer.alloc(12);
  lastId = (lastId + 1) & 0xffff;
  header.writeUInt16BE(lastId, 0);
  header[2] = (number("opcode", 0) << 3) | (flags.has("nord") ? 0 : 1) | (flags.has("qr") ? 0x80 : 0);
  header[3] = (flags.has("ad") ? 0x20 : 0) | (flags.has("cd") ? 0x10 : 0);
  header.writeUInt16BE(count, 4);
  header.writeUInt16BE(isEdns ? 1 : 0, 10);
  const labels = name.split(".").filter((label) => label !== "");
  const encoded = labels.flatMap((label) => [label.length, ...Buffer.from(label)]);
  const asked = Buffer.from([...encoded, 0, type >> 8, type & 255, rrclass >> 8, rrclass & 255]);
  const size = number("bufsize", 1232);
  const options = flags.has("nsid") ? NSID : Buffer.alloc(0);
  const opt = [0, 0, 41, size >> 8, size & 255, 0, number("edns", 0), 0, 0, 0, options.length, ...options];
  const parts = [header, ...Array.from({ length: count }, () => asked), Buffer.from(isEdns ? opt : [])];
  return Buffer.concat(parts).subarray(0, number("cut", 65_535));
}

function pair(word: string): [string, string] {
  const [flag = "", value = "0"] = word.split("=");
  return [flag, value];
}

const AT = ["127.0.0.11", 53] as const;

function overUdp(namespace: Namespace, query: Buffer, timeoutMs: number): Promise<Buffer | undefined> {
  const socket = udpSocketInside(namespace, 4);
  return new Promise<Buffer | undefined>((resolve, reject) => {
    const timer = setTimeout(resolve, timeoutMs, undefined);
    socket.on("message", (octets) => {
      if (octets.readUInt16BE(0) !== query.readUInt16BE(0)) return;
      clearTimeout(timer);
      resolve(octets);
    });
    socket.on("error", reject);
    socket.send(query, AT[1], AT[0]);
  }).finally(() => socket.close());
}

function overTcp(namespace: Namespace, query: Buffer, timeoutMs: number): Promise<Buffer | undefined> {
  const socket = namespaceDialer(namespace).tcp(4);
  return new Promise<Buffer | undefined>((resolve) => {
    const timer = setTimeout(resolve, timeoutMs, undefined);
    const done = (octets: Buffer | undefined) => {
      clearTimeout(timer);
      resolve(octets);
    };
    framed(socket, done);
    socket.on("error", () => done(undefined)).on("close", () => done(undefined));
    socket.connect(AT[1], AT[0]);
    socket.write(frame(query));
  }).finally(() => socket.destroy());
}

const frame = (octets: Buffer) =>
  Buffer.concat([Buffer.from([octets.length >> 8, octets.length & 255]), octets]);

function framed(socket: TcpSocket, take: (octets: Buffer) => void): void {
  let buffered = Buffer.alloc(0);
  socket.on("data", (chunk: Buffer) => {
    buffered = Buffer.concat([buffered, chunk]);
    while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
      const end = 2 + buffered.readUInt16BE(0);
      take(buffered.subarray(2, end));
      buffered = buffered.subarray(end);
    }
  });
}

/** One query that an upstream got. */
export interface Asked {
  /** In small letters. */
  readonly name: string;
  /** Which address was asked, and by whom. */
  readonly to: string;
  readonly from: string;
  readonly transport: "udp" | "tcp";
}

export interface Upstream {
  readonly asked: Asked[];
  close(): void;
}

/**
 * How an upstream takes what it is asked: `silent` never answers, `failing` answers SERVFAIL, `onlyA` is silent on all
 * but A, `lossy` on every tenth question over UDP.
 */
export type Manner = "willing" | "silent" | "failing" | "onlyA" | "lossy";

/**
 * Upstreams at these addresses of the namespace, port 53, that know every name: A is 192.0.2.53, AAAA 2001:db8::53,
 * PTR and TXT say "upstream", and what else is asked is NODATA with a SOA. A first label makes it say otherwise:
 * `nxdomain`, `servfail`, `refused`, `notimp`; `formerr` if it is asked with EDNS, of which it knows nothing; `truncated` over UDP.
 */
export function startUpstreams(namespace: Namespace, manners: Readonly<Record<string, Manner>>): Upstream {
  const asked: Asked[] = [];
  const closing: (() => void)[] = [];
  for (const [address, manner] of Object.entries(manners)) {
    let count = 0;
    const { udp, tcp } = serverSockets(namespace, { address, port: 53 });
    const take = (query: Buffer, from: string, transport: Asked["transport"]): Buffer | undefined => {
      const { questions } = dnsPacket.decode(query);
      asked.push({ name: questions?.[0]?.name.toLowerCase() ?? "", to: address, from, transport });
      const type = questions?.[0]?.type;
      const isLost = manner === "lossy" && transport === "udp" && count++ % 10 === 0;
      if (manner === "silent" || isLost || (manner === "onlyA" && type !== "A")) return undefined;
      return answer(query, manner, transport);
    };
    const socket: UdpSocket = createSocket("udp4").bind({ fd: udp, exclusive: true });
    socket.on("message", (query, from) => {
      const response = take(query, from.address, "udp");
      if (response !== undefined) socket.send(response, from.port, from.address, () => {});
    });
    const server = createServer((connection) => {
      connection.on("error", () => {});
      framed(connection, (query) => {
        const response = take(query, connection.remoteAddress ?? "", "tcp");
        if (response !== undefined) connection.write(frame(response));
      });
    }).listen({ fd: tcp, exclusive: true });
    closing.push(
      () => socket.close(),
      () => server.close(),
    );
  }
  return {
    asked,
    close: () => {
      for (const close of closing) close();
    },
  };
}

const RCODES: Readonly<Record<string, number>> = {
  formerr: 1,
  servfail: 2,
  nxdomain: 3,
  notimp: 4,
  refused: 5,
};
const TTL = 77;

/** The query's own question, and records behind it that point to its name. */
function answer(query: Buffer, manner: Manner, transport: Asked["transport"]): Buffer {
  let end = 12;
  while (query[end] !== 0) end += query[end]! + 1;
  const type = query.readUInt16BE(end + 1);
  const question = query.subarray(12, end + 5);
  const opt = query.readUInt16BE(10) > 0 ? query.subarray(end + 5) : Buffer.alloc(0);
  const [label = ""] = question
    .subarray(1, 1 + question[0]!)
    .toString("latin1")
    .toLowerCase()
    .split(".");
  const isSpared = label === "formerr" && opt.length === 0;
  const rcode = manner === "failing" ? 2 : isSpared ? 0 : (RCODES[label] ?? 0);
  const isCut = label === "truncated" && transport === "udp";
  const rdata = rcode !== 0 || isCut ? undefined : RDATA.get(type);
  const isNegative = rdata === undefined && !isCut && (rcode === 0 || rcode === 3);
  const soa = Buffer.concat([SOA, Buffer.alloc(20)]);
  const header = Buffer.from(query.subarray(0, 12));
  header[2] = 0x80 | (query[2]! & 0x79) | (isCut ? 2 : 0);
  header[3] = 0x80 | (query[3]! & 0x10) | rcode;
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(rdata === undefined ? 0 : 1, 6);
  header.writeUInt16BE(isNegative ? 1 : 0, 8);
  const behind = rdata !== undefined ? record(type, rdata) : isNegative ? record(6, soa) : Buffer.alloc(0);
  if (rcode === 1) header.writeUInt16BE(0, 10);
  return Buffer.concat([header, question, behind, rcode === 1 ? Buffer.alloc(0) : opt]);
}

function record(type: number, rdata: Buffer): Buffer {
  const fixed = [0xc0, 12, type >> 8, type & 255, 0, 1, 0, 0, 0, TTL, rdata.length >> 8, rdata.length & 255];
  return Buffer.concat([Buffer.from(fixed), rdata]);
}

const NAME = Buffer.from("\x08upstream\x07example\0", "latin1");
const SOA = Buffer.concat([NAME, NAME]);
const RDATA: ReadonlyMap<number, Buffer> = new Map([
  [1, Buffer.from([192, 0, 2, 53])],
  [12, NAME],
  [16, Buffer.from("\x08upstream", "latin1")],
  [28, Buffer.from("20010db8000000000000000000000053", "hex")],
]);
