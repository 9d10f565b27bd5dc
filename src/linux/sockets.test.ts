import { closeSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { openNamespace } from "./namespace.ts";
import { namespaceFixture, openDescriptors, skipped, whyNot } from "./namespace-fixture.suite.ts";
import { serverSockets, tcpClientSocket, udpClientSocket } from "./sockets.ts";

const AT = { address: "127.0.0.11", port: 53 };

const SHARED = "reuseAddr: true";

const bindUdp = (address: string, options = "") => `
  const type = "${address.includes(":") ? "udp6" : "udp4"}";
  const socket = require("node:dgram").createSocket({ type, ${options} });
  socket.on("error", (error) => console.log(error.code)).bind(53, "${address}", () => console.log("bound"));`;

const listenTcp = (address: string) => `
  const server = require("node:net").createServer();
  server.on("error", (error) => console.log(error.code)).listen(53, "${address}", () => console.log("bound"));`;

const HOLD_UDP = `require("node:dgram").createSocket("udp4").bind(53, "127.0.0.11", () => console.log("held"))`;
const HOLD_TCP = `require("node:net").createServer().listen(53, "127.0.0.11", () => console.log("held"))`;

describe.skipIf(whyNot !== undefined)(`sockets in a namespace${skipped}`, () => {
  const namespaces = namespaceFixture();
  afterEach(namespaces.cleanup);

  it.each([
    ["bound", "UDP 127.0.0.1:53", bindUdp("127.0.0.1")],
    ["bound", "TCP 127.0.0.1:53", listenTcp("127.0.0.1")],
    ["bound", "UDP 0.0.0.0:53 with SO_REUSEADDR", bindUdp("0.0.0.0", SHARED)],
    ["bound", "UDP [::]:53 with SO_REUSEADDR", bindUdp("::", SHARED)],
    ["EADDRINUSE", "UDP 0.0.0.0:53 without it", bindUdp("0.0.0.0")],
    ["EADDRINUSE", "UDP [::]:53 without it", bindUdp("::")],
    ["EADDRINUSE", "TCP 0.0.0.0:53", listenTcp("0.0.0.0")],
    ["EADDRINUSE", "TCP [::]:53", listenTcp("::")],
  ])("leave a DNS server of the container's own %s at %s", async (outcome, _, other) => {
    const path = namespaces.add();
    const namespace = openNamespace(path);
    const { udp, tcp } = serverSockets(namespace, AT);
    expect((await namespaces.run(path, other)).said).toBe(outcome);
    for (const fd of [udp, tcp]) closeSync(fd);
    namespace.close();
  });

  it.each([
    ["UDP", HOLD_UDP],
    ["TCP", HOLD_TCP],
  ])("are refused together, and none is left, where somebody answers over %s", async (_, holder) => {
    const path = namespaces.add();
    expect((await namespaces.run(path, holder)).said).toBe("held");
    const namespace = openNamespace(path);
    const before = openDescriptors();
    expect(() => serverSockets(namespace, AT)).toThrow(
      expect.objectContaining({ code: "EADDRINUSE", errno: 98, syscall: "bind" }),
    );
    expect(openDescriptors()).toBe(before);
    namespace.close();
  });

  it("are refused, and none is left, while lo is down", () => {
    const namespace = openNamespace(namespaces.add({ loopback: "down" }));
    const before = openDescriptors();
    expect(() => serverSockets(namespace, AT)).toThrow(expect.objectContaining({ code: "ENETUNREACH" }));
    expect(openDescriptors()).toBe(before);
    namespace.close();
  });

  it("are made for both families, and none is left when the address is no IPv4 one", () => {
    const namespace = openNamespace(namespaces.add());
    const before = openDescriptors();
    for (const family of [4, 6] as const) {
      closeSync(udpClientSocket(namespace, family));
      closeSync(tcpClientSocket(namespace, family));
    }
    expect(() => serverSockets(namespace, { address: "fd00::11", port: 53 })).toThrow(/not an IPv4 address/);
    expect(openDescriptors()).toBe(before);
    namespace.close();
  });
});
