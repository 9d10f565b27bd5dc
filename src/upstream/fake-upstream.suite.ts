import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { EventEmitter, once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { SocketAddress } from "../base/address.ts";
import { composeMessage } from "../wire/compose.ts";
import { Rcode, RrClass, RrType } from "../wire/iana.ts";
import type { Edns, Message, ResourceRecord } from "../wire/message.ts";
import { parseMessage } from "../wire/parse.ts";
import { type Dialer, hostDialer } from "./dialer.ts";

/** What a fake upstream does with a query; `send` may be called never, once or often, now or later. */
export type UdpScript = (query: Message, send: (reply: Message | Uint8Array) => void) => void;
export type TcpScript = (query: Message, socket: Socket) => void;

export interface FakeUpstream {
  readonly server: SocketAddress;
  /** What came, oldest first. */
  readonly udp: readonly Message[];
  readonly tcp: readonly Message[];
  /** The ports that queries came from over UDP, oldest first. */
  readonly ports: readonly number[];
  /** Changes what it does from now on. */
  script(udp: UdpScript): void;
  /** Resolves once so many queries have come over UDP. */
  asked(count: number): Promise<void>;
  askedOverTcp(count: number): Promise<void>;
  close(): Promise<void>;
}

export const silent: UdpScript = () => {};

/** A DNS server on loopback that does as it is told, over UDP and, if there is a script for it, TCP on the same port. */
export async function fakeUpstream(udpScript: UdpScript, tcpScript?: TcpScript): Promise<FakeUpstream> {
  const came = new EventEmitter();
  const udp: Message[] = [];
  const tcp: Message[] = [];
  const ports: number[] = [];
  let script = udpScript;

  const connections = new Set<Socket>();
  const listener = createServer((connection) => {
    connections.add(connection);
    connection.on("error", () => {});
    connection.on("data", (chunk) => {
      const query = parsed(chunk.subarray(2));
      tcp.push(query);
      tcpScript?.(query, connection);
      came.emit("query");
    });
  });
  const { socket, port } = await bindBoth(listener, tcpScript !== undefined);

  socket.on("message", (octets, from) => {
    const query = parsed(octets);
    udp.push(query);
    ports.push(from.port);
    script(query, (reply) => {
      socket.send(reply instanceof Uint8Array ? reply : composeMessage(reply), from.port, from.address);
    });
    came.emit("query");
  });

  return {
    server: { address: "127.0.0.1", port },
    udp,
    tcp,
    ports,
    script(next) {
      script = next;
    },
    async asked(count) {
      while (udp.length < count) await once(came, "query");
    },
    async askedOverTcp(count) {
      while (tcp.length < count) await once(came, "query");
    },
    async close() {
      const closed = once(socket, "close");
      socket.close();
      for (const connection of connections) connection.destroy();
      listener.close();
      await closed;
    },
  };
}

/** Binds one port for UDP, and for TCP where that is wanted; another one, if somebody has it for the other protocol. */
async function bindBoth(listener: Server, withTcp: boolean): Promise<{ socket: UdpSocket; port: number }> {
  for (;;) {
    const socket = createSocket("udp4");
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    const { port } = socket.address();
    if (!withTcp) return { socket, port };
    try {
      listener.listen(port, "127.0.0.1");
      await once(listener, "listening");
      return { socket, port };
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "EADDRINUSE")) throw error;
      socket.close();
    }
  }
}

/** An address on loopback where nobody listens, nor comes to: a socket that hears one other port only has it. */
export async function closedPort(): Promise<SocketAddress> {
  const holder = createSocket("udp4").unref();
  holder.bind(0, "127.0.0.1");
  await once(holder, "listening");
  holder.connect(9, "127.0.0.1");
  await once(holder, "connect");
  return { address: "127.0.0.1", port: holder.address().port };
}

export interface ReplyPart {
  rcode?: number;
  tc?: boolean;
  ad?: boolean;
  answers?: readonly ResourceRecord[];
  authority?: readonly ResourceRecord[];
  edns?: Edns | undefined;
}

/** A reply to the query with its id and question; with EDNS if the query had it and `part` says nothing else. */
export function replyTo(query: Message, part: ReplyPart = {}): Message {
  const { rcode = Rcode.NOERROR, tc = false, ad = false, answers = [], authority = [] } = part;
  const edns = "edns" in part ? part.edns : query.edns && { ...query.edns, options: [] };
  return {
    header: { ...query.header, qr: true, ra: true, aa: false, tc, ad, rcode },
    questions: query.questions,
    answers,
    authority,
    additional: [],
    ...(edns !== undefined && { edns }),
  };
}

/** Answers every question with one A record. */
export function answering(address: string): UdpScript {
  return (query, send) => send(replyTo(query, { answers: [addressOf(query, address)] }));
}

export function failing(rcode: number): UdpScript {
  return (query, send) => send(replyTo(query, { rcode }));
}

export function addressOf(query: Message, address: string): ResourceRecord {
  const { name } = query.questions[0]!;
  return { name, type: RrType.A, class: RrClass.IN, ttl: 60, data: { kind: "A", address } };
}

/** The host's dialer, counting: `allClosed` resolves with the number of sockets made, once every one is closed. */
export function countingDialer(): Dialer & { allClosed(): Promise<number>; readonly made: number } {
  const closings: Promise<unknown>[] = [];
  return {
    scope: "host",
    name: "host",
    udp(server, listener) {
      const flow = hostDialer.udp(server, listener);
      let closed = () => {};
      closings.push(
        new Promise<void>((resolve) => {
          closed = resolve;
        }),
      );
      return {
        send: flow.send,
        close() {
          flow.close();
          closed();
        },
      };
    },
    tcp(family) {
      const socket = hostDialer.tcp(family);
      closings.push(new Promise((closed) => socket.once("close", closed)));
      return socket;
    },
    async allClosed() {
      await Promise.all(closings);
      return closings.length;
    },
    get made() {
      return closings.length;
    },
  };
}

function parsed(octets: Uint8Array): Message {
  const result = parseMessage(octets);
  if (!result.ok) throw new Error(`the fake upstream got a message that is none: ${result.error}`);
  return result.message;
}
