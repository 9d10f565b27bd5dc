import { afterEach, describe, expect, it } from "vitest";
import { type Namespace, openNamespace } from "./namespace.ts";
import { namespaceFixture, skipped, whyNot } from "./namespace-fixture.suite.ts";
import { portHolder, udpPorts } from "./port-holder.ts";

const AT = { address: "127.0.0.11", port: 53 };

describe.skipIf(whyNot !== undefined)(`port holder${skipped}`, () => {
  const namespaces = namespaceFixture();
  let namespace: Namespace | undefined;
  afterEach(async () => {
    namespace?.close();
    await namespaces.cleanup();
  });

  it.each([
    ["UDP at the address", `dgram").createSocket("udp4").bind(53, "127.0.0.11", `],
    ["UDP at the wildcard of both families", `dgram").createSocket("udp6").bind(53, "::", `],
    ["TCP at the address", `net").createServer().listen(53, "127.0.0.11", `],
    ["TCP at the wildcard", `net").createServer().listen(53, "0.0.0.0", `],
  ])("is found by its socket: %s", async (_, call) => {
    const path = namespaces.add();
    const { said: pid } = await namespaces.run(path, `require("node:${call} () => console.log(process.pid))`);
    namespace = openNamespace(path);
    expect(portHolder(namespace, AT)).toBe(`node (pid ${pid})`);
  });

  it("is not somebody at another address or port", async () => {
    const path = namespaces.add();
    const udp = `require("node:dgram").createSocket("udp4").bind(53, "127.0.0.1", () =>`;
    const tcp = `require("node:net").createServer().listen(5353, "127.0.0.11", () =>`;
    await namespaces.run(path, `${udp} ${tcp} console.log("bound")))`);
    namespace = openNamespace(path);
    expect(portHolder(namespace, AT)).toBeUndefined();
  });

  it("tells which ports are bound at an address", async () => {
    const path = namespaces.add();
    const bind = (at: string, then: string) =>
      `require("node:dgram").createSocket("udp4").bind(${at}, () => ${then})`;
    const client = `require("node:dgram").createSocket("udp4").connect(1, "127.0.0.1", () => console.log("bound"))`;
    await namespaces.run(path, bind(`5301, "127.0.0.11"`, bind(`5302, "127.0.0.1"`, bind("5303", client))));
    namespace = openNamespace(path);
    expect(udpPorts(namespace, "127.0.0.11")).toEqual(new Set([5301]));
    expect(udpPorts(namespace, "127.0.0.11", "0.0.0.0")).toEqual(new Set([5301, 5303]));
  });
});
