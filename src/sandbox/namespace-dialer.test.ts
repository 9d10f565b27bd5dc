import { once } from "node:events";
import { closeSync, readFileSync, readlinkSync } from "node:fs";
import { text } from "node:stream/consumers";
import { setImmediate as nextTurn } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { inNamespace, type Namespace, openNamespace } from "../linux/namespace.ts";
import { namespaceFixture, openDescriptors, skipped, whyNot } from "../linux/namespace-fixture.suite.ts";
import { connectedUdpSocket } from "../linux/sockets.ts";
import { hostDialer } from "../upstream/dialer.ts";
import { namespaceDialer, udpSocketInside } from "./namespace-dialer.ts";

/** Says over UDP and TCP what it got; on the loopback of the namespace only. */
const ECHO = `
  const udp = (type, address) => new Promise((up) => {
    const socket = require("node:dgram").createSocket(type);
    socket.on("message", (m, from) => socket.send("udp " + m, from.port, from.address));
    socket.bind(5300, address, up);
  });
  const tcp = (address) => new Promise((up) => {
    const server = require("node:net").createServer({ allowHalfOpen: true }, (socket) => {
      socket.write("tcp ");
      socket.pipe(socket);
    });
    server.listen({ port: 5300, host: address }, up);
  });
  Promise.all([udp("udp4", "127.0.0.1"), udp("udp6", "::1"), tcp("127.0.0.1"), tcp("::1")])
    .then(() => console.log("ready"));`;

describe.skipIf(whyNot !== undefined)(`namespace dialer${skipped}`, () => {
  const namespaces = namespaceFixture();
  let namespace: Namespace;

  beforeAll(async () => {
    const path = namespaces.add();
    expect((await namespaces.run(path, ECHO)).said).toBe("ready");
    namespace = openNamespace(path);
  });
  afterAll(async () => {
    namespace.close();
    await namespaces.cleanup();
  });

  const families = [
    { family: 4, host: "127.0.0.1" },
    { family: 6, host: "::1" },
  ] as const;

  it.each(families)("asks over UDP what only the namespace reaches ($host)", async ({ host }) => {
    const home = readlinkSync("/proc/thread-self/ns/net");
    const answer = await new Promise<string>((resolve, reject) => {
      const flow = namespaceDialer(namespace).udp(
        { address: host, port: 5300 },
        {
          message(octets) {
            flow.close();
            resolve(Buffer.from(octets).toString());
          },
          failed: reject,
        },
      );
      flow.send(Buffer.from("hello"));
    });
    expect(answer).toBe("udp hello");
    expect(readlinkSync("/proc/thread-self/ns/net")).toBe(home);
  });

  it.each(families)("is not needed for a socket that is connected in there ($host)", ({ host }) => {
    const fd = connectedUdpSocket({ address: host, port: 5300 }, namespace);
    expect(socketsOf(namespace)).toContain(inodeOf(fd));
    closeSync(fd);
  });

  it.each(families)("asks over TCP what only the namespace reaches ($host)", async ({ family, host }) => {
    const socket = namespaceDialer(namespace).tcp(family);
    // A socket that read before it was connected would have failed by now.
    await nextTurn();
    socket.connect({ host, port: 5300 });
    socket.end("hello");
    expect(await text(socket)).toBe("tcp hello");
  });

  it("meets nobody there from the host", async () => {
    const socket = hostDialer.tcp(4);
    socket.connect({ host: "127.0.0.1", port: 5300 });
    await expect(once(socket, "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("reports a refused connection as any socket does", async () => {
    const socket = namespaceDialer(namespace).tcp(4);
    socket.connect({ host: "127.0.0.1", port: 5301 });
    await expect(once(socket, "connect")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  it("gives every UDP socket a port of its own", async () => {
    const before = openDescriptors();
    const sockets = Array.from({ length: 2000 }, () => udpSocketInside(namespace, 4));
    const ports = new Set(sockets.map((socket) => socket.address().port));
    expect(ports.size).toBe(sockets.length);
    await Promise.all(sockets.map((socket) => once(socket.close(), "close")));
    expect(openDescriptors()).toBe(before);
  });

  it("dials no more once the namespace is let go of", () => {
    const gone = openNamespace(namespace.path);
    gone.close();
    const before = openDescriptors();
    const at = { address: "127.0.0.1", port: 5300 };
    const deaf = { message() {}, failed() {} };
    const refused = expect.objectContaining({ code: "ATTACH" });
    expect(() => namespaceDialer(gone).udp(at, deaf)).toThrow(refused);
    expect(() => connectedUdpSocket(at, gone)).toThrow(refused);
    expect(() => namespaceDialer(gone).tcp(4)).toThrow(refused);
    expect(openDescriptors()).toBe(before);
  });
});

/** Inodes of the UDP sockets in there that are connected to port 5300. */
function socketsOf(namespace: Namespace): string[] {
  const tables = inNamespace(namespace, () =>
    ["udp", "udp6"].map((table) => readFileSync(`/proc/thread-self/net/${table}`, "utf8")),
  );
  const rows = tables.flatMap((table) => table.split("\n").map((line) => line.trim().split(/\s+/)));
  return rows.filter((row) => row[2]?.endsWith(":14B4")).map((row) => row[9]!);
}

const inodeOf = (fd: number): string => /\d+/.exec(readlinkSync(`/proc/self/fd/${fd}`))![0];
