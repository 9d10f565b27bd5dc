import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import dnsPacket from "dns-packet";
import type { Namespace } from "../../src/linux/namespace.ts";
import { serverSockets } from "../../src/linux/sockets.ts";

/** What a stub resolver sent, as it arrived. */
export interface Arrived {
  /** Of the address that was asked, in the list that the server was started with. */
  readonly server: number;
  readonly transport: "udp" | "tcp";
  readonly name: string;
  readonly type: string;
  /** Its port: queries of one socket have the same. */
  readonly port: number;
  readonly ad: boolean;
  /** What the OPT record says; 0 without one. */
  readonly payload: number;
}

/** What to say; a missing part is that of a healthy answer without records. `undefined` is silence. */
export interface Say {
  readonly addresses?: readonly string[];
  readonly cname?: string;
  readonly rcode?: number;
  readonly tc?: boolean;
  readonly ra?: boolean;
  readonly aa?: boolean;
  readonly afterMs?: number;
  /** Twelve octets and no question, as some servers refuse. */
  readonly bare?: boolean;
}

/** `nth` counts from 1, over all servers. */
export type Script = (arrived: Arrived, nth: number) => Say | undefined;

export interface ScriptedDns {
  readonly arrived: readonly Arrived[];
  close(): void;
}

/** DNS servers at these addresses of the namespace, port 53, UDP and TCP, that do as the script says. */
export function startScriptedDns(
  namespace: Namespace,
  addresses: readonly string[],
  script: Script,
): ScriptedDns {
  const arrived: Arrived[] = [];
  const closing: (() => void)[] = [];

  for (const [server, address] of addresses.entries()) {
    const { udp, tcp } = serverSockets(namespace, { address, port: 53 });
    const take = (
      query: Buffer,
      transport: "udp" | "tcp",
      port: number,
      answer: (octets: Buffer) => void,
    ) => {
      // An empty one comes from whoever tries whether the address is free.
      if (query.length < 12) return;
      const { questions, additionals } = dnsPacket.decode(query);
      const [question] = questions!;
      const opt = additionals?.find(({ type }) => type === "OPT") as { udpPayloadSize: number } | undefined;
      const one: Arrived = {
        server,
        transport,
        name: question!.name,
        type: question!.type,
        port,
        ad: (query[3]! & 0x20) !== 0,
        payload: opt?.udpPayloadSize ?? 0,
      };
      arrived.push(one);
      const say = script(one, arrived.length);
      if (say === undefined) return;
      const octets = compose(query, say);
      if (say.afterMs === undefined) answer(octets);
      else setTimeout(() => answer(octets), say.afterMs).unref();
    };

    const socket = createSocket("udp4").bind({ fd: udp, exclusive: true });
    let isOpen = true;
    socket.on("message", (query, from) =>
      take(query, "udp", from.port, (octets) => {
        if (isOpen) socket.send(octets, from.port, from.address, () => {});
      }),
    );
    const listener = createServer((connection) => {
      let buffered = Buffer.alloc(0);
      connection.on("error", () => {});
      closing.push(() => connection.destroy());
      connection.on("data", (chunk: Buffer) => {
        buffered = Buffer.concat([buffered, chunk]);
        while (buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0)) {
          const end = 2 + buffered.readUInt16BE(0);
          take(buffered.subarray(2, end), "tcp", connection.remotePort!, (octets) =>
            connection.write(Buffer.concat([Buffer.from([octets.length >> 8, octets.length & 255]), octets])),
          );
          buffered = buffered.subarray(end);
        }
      });
    }).listen({ fd: tcp, exclusive: true });
    closing.push(() => {
      isOpen = false;
      socket.close();
      listener.close();
    });
  }
  return {
    arrived,
    close: () => {
      for (const close of closing) close();
    },
  };
}

function compose(query: Buffer, say: Say): Buffer {
  const { questions } = dnsPacket.decode(query);
  const { addresses = [], cname, rcode = 0, tc = false, ra = true, aa = false, bare = false } = say;
  const owner = questions![0]!.name;
  const octets = dnsPacket.encode({
    type: "response",
    id: query.readUInt16BE(0),
    questions: bare ? [] : questions!,
    answers: [
      ...(cname === undefined ? [] : [{ type: "CNAME" as const, name: owner, ttl: 60, data: cname }]),
      ...addresses.map((data) => ({
        type: data.includes(":") ? ("AAAA" as const) : ("A" as const),
        name: cname ?? owner,
        ttl: 60,
        data,
      })),
    ],
  });
  octets[2] = 0x80 | (aa ? 0x04 : 0) | (tc ? 0x02 : 0) | 0x01;
  octets[3] = (ra ? 0x80 : 0) | rcode;
  return octets;
}
