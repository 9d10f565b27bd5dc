import { execFileSync } from "node:child_process";
import { closeSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type Namespace, openNamespace } from "./namespace.ts";
import { namespaceFixture, whyNotNft } from "./namespace-fixture.suite.ts";
import { netfilterSocket } from "./netlink.ts";
import { rulePlaces } from "./nftables-rules.ts";

describe.skipIf(whyNotNft !== undefined)(
  `the list of nftables rules${whyNotNft === undefined ? "" : ` (skipped: ${whyNotNft})`}`,
  () => {
    const namespaces = namespaceFixture();
    let namespace: Namespace;
    let netlink: number;

    beforeEach(() => {
      namespace = openNamespace(namespaces.add());
      netlink = netfilterSocket(namespace);
    });
    afterEach(async () => {
      closeSync(netlink);
      namespace.close();
      await namespaces.cleanup();
    });

    const nft = (rules: string) => execFileSync("nsenter", [`--net=${namespace.path}`, "nft", rules]);

    it("is empty where there are none, also in chains", () => {
      expect(rulePlaces(netlink)).toEqual([]);
      nft("table ip nat { chain DOCKER_OUTPUT { }; }");
      expect(rulePlaces(netlink)).toEqual([]);
    });

    it("has one place for each rule, of every family", () => {
      nft("table ip nat { chain one { accept; accept; }; }");
      nft("table inet docker-dns { chain two { drop; }; }");
      expect(rulePlaces(netlink)).toEqual([
        { table: "nat", chain: "one" },
        { table: "nat", chain: "one" },
        { table: "docker-dns", chain: "two" },
      ]);
    });
  },
);
