import { execFileSync } from "node:child_process";
import { closeSync, existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inNamespace, type Namespace, openNamespace } from "./namespace.ts";
import { namespaceFixture, skipped, whyNot } from "./namespace-fixture.suite.ts";
import { NetlinkError, routeSocketHere, transact } from "./netlink.ts";
import { heldAddresses, holdAddress, interfaceIndex, linkUp, withoutLinkLocal } from "./rtnetlink.ts";
import { type TunInterface, tunInterface } from "./tun.ts";

describe("the words of rtnetlink", () => {
  it("are those of ip(8)", () => {
    // `strace -e sendto ip address replace 10.0.0.1/32 dev lo scope host valid_lft 2 preferred_lft 2`
    const { type, flags, payload } = holdAddress(7, "10.0.0.1", 2);
    expect({ type, flags }).toEqual({ type: 20, flags: 0x500 });
    expect(Buffer.from(payload).toString("hex")).toBe(
      `022000fe 07000000 ${"0800 0200 0a000001"} ${"1400 0600 02000000 02000000 00000000 00000000"}`.replaceAll(
        " ",
        "",
      ),
    );
    expect(Buffer.from(linkUp(7).payload).toString("hex")).toBe("00000000070000000100000001000000");
  });
});

describe.skipIf(whyNot !== undefined || !existsSync("/dev/net/tun"))(
  `interfaces and addresses${skipped}`,
  () => {
    const namespaces = namespaceFixture();
    let path: string;
    let namespace: Namespace;
    let netlink: number;
    let tun: TunInterface | undefined;

    beforeEach(() => {
      path = namespaces.add();
      namespace = openNamespace(path);
      netlink = inNamespace(namespace, routeSocketHere);
    });
    afterEach(async () => {
      tun?.close();
      closeSync(netlink);
      namespace.close();
      await namespaces.cleanup();
    });

    const ip = (...args: string[]) =>
      execFileSync("nsenter", [`--net=${path}`, "ip", ...args], { encoding: "utf8", stdio: "pipe" });
    const make = () => {
      tun = inNamespace(namespace, () => tunInterface("eleven%d"));
      const index = interfaceIndex(netlink, tun.name);
      return { name: tun.name, index };
    };

    it("an interface is there, with its address and no other, until it is closed", () => {
      const { name, index } = make();
      expect(name).toBe("eleven0");
      transact(netlink, [withoutLinkLocal(index)]);
      transact(netlink, [linkUp(index), holdAddress(index, "169.254.20.10", 60)]);
      expect(ip("-brief", "address", "show", "dev", name).split(/\s+/).filter(Boolean)).toEqual([
        "eleven0",
        "UNKNOWN",
        "169.254.20.10/32",
      ]);
      expect(ip("address", "show", "dev", name)).toMatch(
        /scope host dynamic eleven0\n\s+valid_lft (60|59)sec/,
      );
      tun?.close();
      expect(ip("-brief", "link")).not.toContain("eleven0");
      expect(heldAddresses(netlink)).not.toContainEqual(
        expect.objectContaining({ address: "169.254.20.10" }),
      );
    });

    it("an address goes by itself, unless it is held again", async () => {
      const { index } = make();
      transact(netlink, [
        linkUp(index),
        holdAddress(index, "10.0.0.1", 1),
        holdAddress(index, "10.0.0.2", 1),
      ]);
      const held = () =>
        heldAddresses(netlink).flatMap(({ address, label }) => (label === "lo" ? [] : [address]));
      expect(held()).toEqual(["10.0.0.1", "10.0.0.2"]);
      await expect
        .poll(
          () => {
            transact(netlink, [holdAddress(index, "10.0.0.1", 1)]);
            return held();
          },
          { timeout: 5000 },
        )
        .toEqual(["10.0.0.1"]);
    });

    it("tells of addresses of interfaces that are down, as kube-ipvs0 is", () => {
      ip("link", "add", "name", "ipvs", "type", "bridge");
      ip("address", "add", "10.96.0.10/32", "dev", "ipvs");
      expect(heldAddresses(netlink)).toContainEqual({ address: "10.96.0.10", label: "ipvs" });
    });

    it("is refused for an interface that is not there", () => {
      expect(() => interfaceIndex(netlink, "eleven9")).toThrow(NetlinkError);
      const { index } = make();
      tun?.close();
      expect(() => transact(netlink, [holdAddress(index, "10.0.0.1", 1)])).toThrow(
        expect.objectContaining({ code: "ENODEV", about: "address 10.0.0.1" }),
      );
    });
  },
);
