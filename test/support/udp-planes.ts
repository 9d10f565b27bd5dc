import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Clock, systemClock } from "../../src/base/clock.ts";
import { type Logger, silentLog } from "../../src/base/log.ts";
import { type DataPlane, dataPlane } from "../../src/dataplane/data-plane.ts";
import { linuxSupport } from "../../src/linux/libc.ts";
import { udpServerHere } from "../../src/linux/sockets.ts";
import type { Client } from "../../src/resolver/resolver.ts";
import type { Handler } from "../../src/server/handle.ts";
import { portableUdp } from "../../src/server/portable-udp.ts";
import type { UdpListener, UdpPlane } from "../../src/server/udp-plane.ts";
import { RrType } from "../../src/wire/iana.ts";

/** What the threads run: as it is built, for Node 20 reads no TypeScript. */
export const PROGRAM = new URL("../../dist/data-plane-worker.js", import.meta.url);

/** Why there is no data plane here; undefined if there is. */
export function dataPlaneMissing(): string | undefined {
  const support = linuxSupport();
  if (!support.ok) return support.why;
  return existsSync(fileURLToPath(PROGRAM)) ? undefined : "dist/ is not built";
}

export interface PlaneOptions {
  readonly handler: Handler;
  readonly signature?: (sandbox: string | undefined) => string;
  readonly program?: URL;
  readonly workers?: number;
  readonly log?: Logger;
  readonly clock?: Clock;
}

export function newDataPlane(options: PlaneOptions): DataPlane {
  return dataPlane({
    workers: 1,
    tableOctets: 1024 * 1024,
    program: PROGRAM,
    signature: (sandbox) => sandbox ?? "host",
    exists: () => true,
    owner: (sandbox) => String(sandbox),
    settled: () => {},
    labels: (qtype, { rcode, origin }) => ({
      qtype: qtype <= RrType.HTTPS ? String(qtype) : "other",
      rcode: String(rcode),
      origin,
    }),
    clock: systemClock,
    log: silentLog,
    ...options,
  });
}

export function newPortablePlane({
  handler,
  log = silentLog,
}: PlaneOptions): UdpPlane & { close(): Promise<void> } {
  return { ...portableUdp({ handler, clock: systemClock, log }), close: async () => {} };
}

/** A socket that asks a listener of the plane, and all that came back. */
export interface Asker {
  readonly socket: Socket;
  readonly replies: Buffer[];
  send(octets: Uint8Array): void;
  /** Sends it and resolves with the next message that has its id. */
  ask(octets: Uint8Array): Promise<Buffer>;
  close(): void;
}

export async function listenAndAsk(
  plane: UdpPlane,
  asker: (address: string) => Client | undefined | Promise<Client | undefined> = () => ({
    sandbox: undefined,
    transport: "udp",
  }),
  address = "127.0.0.1",
): Promise<{ listener: UdpListener; port: number; asking: Asker }> {
  const bound = await plane.bind({ address, port: 0 });
  const listener = bound.serve("test", asker);
  return { listener, port: bound.port, asking: await askerOf(address, bound.port) };
}

export async function askerOf(address: string, port: number): Promise<Asker> {
  const socket = createSocket(address.includes(":") ? "udp6" : "udp4");
  if (linuxSupport().ok) {
    // With room for a burst of answers, whatever this machine allows others (net.core.rmem_max).
    socket.bind({ fd: udpServerHere({ address, port: 0 }).fd });
  }
  socket.connect(port, address);
  await once(socket, "connect");
  const replies: Buffer[] = [];
  const waiting = new Map<number, (reply: Buffer) => void>();
  socket.on("message", (reply) => {
    replies.push(reply);
    if (reply.length < 2) return;
    waiting.get(reply.readUInt16BE(0))?.(reply);
    waiting.delete(reply.readUInt16BE(0));
  });
  // What ICMP says when nobody listens (any more) is for the tests to find out otherwise.
  socket.on("error", () => {});
  return {
    socket,
    replies,
    send: (octets) => socket.send(octets),
    ask(octets) {
      return new Promise((resolve) => {
        waiting.set((octets[0]! << 8) | octets[1]!, resolve);
        socket.send(octets);
      });
    },
    close: () => void socket.close(),
  };
}
