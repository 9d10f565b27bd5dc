import { describe, expect, test } from "vitest";
import { parseResolvConf } from "../../base/resolv-conf.ts";
import type { OwnServers } from "../own-servers.ts";
import type { Sandbox } from "../sandbox.ts";
import { isOfToday } from "./upstream-frozen.ts";

const file = (...addresses: string[]) =>
  parseResolvConf(addresses.map((address) => `nameserver ${address}\n`).join(""));

function own(by: OwnServers["by"], ...addresses: string[]): OwnServers {
  const servers = addresses.map((address) => ({ address, scope: "container" as const }));
  return { sandbox: {} as Sandbox, servers, by };
}

describe("a container's servers are those of today", () => {
  test("if the host's file names them, though only three are ever asked", () => {
    const host = file("10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4");
    expect(isOfToday(own("engine's comment", "10.0.0.1", "10.0.0.2", "10.0.0.3"), host, undefined)).toBe(
      true,
    );
    expect(isOfToday(own("engine's comment", "10.0.0.2", "10.0.0.1"), host, undefined)).toBe(false);
  });

  test("if those that were seen are among them", () => {
    expect(isOfToday(own("seen", "10.0.0.2"), file("10.0.0.1", "10.0.0.2"), undefined)).toBe(true);
    expect(isOfToday(own("seen", "10.0.0.9"), file("10.0.0.1"), undefined)).toBe(false);
  });

  test("on the default bridge if they are what Docker leaves of the file", () => {
    expect(isOfToday(own("resolv.conf", "10.0.0.2"), file("127.0.0.1", "10.0.0.2"), undefined)).toBe(true);
    expect(isOfToday(own("resolv.conf", "10.0.0.2"), file("fd00::1", "10.0.0.2"), undefined)).toBe(true);
    expect(isOfToday(own("resolv.conf", "10.0.0.2"), file("10.0.0.3"), undefined)).toBe(false);
  });

  test("on the default bridge of a host with systemd-resolved if its own file names them", () => {
    const stub = file("127.0.0.53");
    expect(isOfToday(own("resolv.conf", "10.0.0.2"), stub, file("10.0.0.2"))).toBe(true);
    expect(isOfToday(own("resolv.conf", "10.0.0.2"), stub, file("10.0.0.3"))).toBe(false);
    expect(isOfToday(own("resolv.conf", "10.0.0.2"), file("10.0.0.3"), file("10.0.0.2"))).toBe(false);
  });
});
