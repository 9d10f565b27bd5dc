import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { inNamespace, type Namespace, openNamespace } from "../linux/namespace.ts";
import { namespaceFixture, skipped, whyNot, whyNotNft } from "../linux/namespace-fixture.suite.ts";
import { type Claim, claim, refuseTaken } from "./claim.ts";

const ADDRESSES = ["169.254.20.10", "10.96.0.10"];

describe.skipIf(whyNot !== undefined || !existsSync("/dev/net/tun"))(`a claim of addresses${skipped}`, () => {
  const namespaces = namespaceFixture();
  let path: string;
  let namespace: Namespace;
  let claims: Claim[];

  beforeEach(() => {
    claims = [];
    path = namespaces.add();
    namespace = openNamespace(path);
  });
  afterEach(async () => {
    for (const each of claims) each.close();
    namespace.close();
    await namespaces.cleanup();
  });

  const run = (...args: string[]) =>
    execFileSync("nsenter", [`--net=${path}`, ...args], { encoding: "utf8", stdio: "pipe" });
  const addresses = () =>
    run("ip", "-brief", "-4", "address")
      .split("\n")
      .filter((line) => line.startsWith("eleven"))
      .flatMap((line) => line.split(/\s+/).filter((word) => word.endsWith("/32")));
  function make(of = ADDRESSES): Claim {
    const made = inNamespace(namespace, () => claim(of));
    claims.push(made);
    return made;
  }

  it("has them from the first hold until they are withdrawn", () => {
    const made = make();
    expect(addresses()).toEqual([]);
    made.hold();
    expect(addresses()).toEqual(ADDRESSES.map((address) => `${address}/32`));
    made.withdraw();
    expect(addresses()).toEqual([]);
    expect(() => made.hold()).toThrow(expect.objectContaining({ code: "ENODEV" }));
  });

  it("loses them when they are held no more", async () => {
    const made = make();
    made.hold();
    await expect.poll(addresses, { timeout: 5000 }).toEqual([]);
    made.hold();
    expect(addresses()).toHaveLength(2);
  });

  it.skipIf(whyNotNft !== undefined)(
    "keeps what goes there while they are there, and all answers, out of connection tracking",
    () => {
      make(["10.96.0.10"]);
      const rules = (from: string) =>
        ["udp", "tcp"].map((protocol) => `\t\t${from.replaceAll("PROTOCOL", protocol)}`).join("\n");
      const queries = rules("ip daddr 10.96.0.10 PROTOCOL dport 53 fib daddr type local notrack");
      expect(run("nft", "list", "ruleset").replace(/ # progname.*/, "")).toBe(`table ip eleven0 {
	flags owner

	chain prerouting {
		type filter hook prerouting priority raw; policy accept;
${queries}
	}

	chain output {
		type filter hook output priority raw; policy accept;
${queries}
${rules("ip saddr 10.96.0.10 PROTOCOL sport 53 notrack")}
	}
}
`);
    },
  );

  it.skipIf(whyNotNft !== undefined)("can follow another without a gap", () => {
    const first = make();
    first.hold();
    const second = make();
    second.hold();
    first.close();
    expect(second.interface).toBe("eleven1");
    expect(addresses()).toEqual(ADDRESSES.map((address) => `${address}/32`));
    expect(run("ip", "route", "get", "10.96.0.10")).toContain("local 10.96.0.10");
    second.close();
    expect(run("nft", "list", "tables")).toBe("");
  });

  it("is refused where the machine has one already", () => {
    run("ip", "link", "add", "name", "kube-ipvs0", "type", "bridge");
    run("ip", "address", "add", "10.96.0.10/32", "dev", "kube-ipvs0");
    const refuse = (ours?: string) => inNamespace(namespace, () => refuseTaken(ADDRESSES, ours));
    expect(refuse).toThrow(
      expect.objectContaining({
        code: "LISTEN",
        message: "Cannot take 10.96.0.10: this machine has it already, on kube-ipvs0",
        remedy: expect.stringContaining("leave it out of `intercept`"),
      }),
    );
    expect(() => refuse("kube-ipvs0")).not.toThrow();
  });

  it.skipIf(whyNotNft !== undefined)("leaves nothing when the rules can't be made", () => {
    run("nft", "add", "table", "ip", "eleven0");
    expect(make).toThrow(expect.objectContaining({ code: "LISTEN" }));
    expect(run("ip", "-brief", "link")).not.toContain("eleven");
  });
});
