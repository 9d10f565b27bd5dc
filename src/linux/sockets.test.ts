import { closeSync } from "node:fs";
import { afterEach, describe, expect, it } from "vitest";
import { openNamespace } from "./namespace.ts";
import { namespaceFixture, openDescriptors, skipped, whyNot } from "./namespace-fixture.suite.ts";
import { serverSockets, tcpClientSocket, udpClientSocket } from "./sockets.ts";

const AT = { address: "127.0.0.11", port: 53 };

const BIND_ALL = `
  const socket = require("node:dgram").createSocket({ type: "udp4", reuseAddr: true });
  socket.on("error", (error) => console.log(error.code)).bind(53, "0.0.0.0", () => console.log("bound"));`;

const HOLD_UDP = `require("node:dgram").createSocket("udp4").bind(53, "127.0.0.11", () => console.log("held"))`;
const HOLD_TCP = `require("node:net").createServer().listen(53, "127.0.0.11", () => console.log("held"))`;

describe.skipIf(whyNot !== undefined)(`sockets in a namespace${skipped}`, () => {
  const namespaces = namespaceFixture();
  afterEach(namespaces.cleanup);

  it("leave room for a DNS server of the container's own", async () => {
    const path = namespaces.add();
    const namespace = openNamespace(path);
    const { udp, tcp } = serverSockets(namespace, AT);
    expect((await namespaces.run(path, BIND_ALL)).said).toBe("bound");
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
