import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startDnsmasq } from "../support/dnsmasq.ts";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { missing } from "../support/requirements.ts";
import { createWorld, type Node, type World } from "../support/world.ts";

const reason = missing("dig", "dnsmasq", "busybox", "getent");

/** The configuration of this file's three containers; `www` moves from one to another in a test below. */
function shop(netns: Readonly<Record<string, Node>>, wwwOn: "web-1" | "web-2"): string {
  const www = (name: string): string => (name === wwwOn ? ", www" : "");
  return `
networks:
  shop: {}
  backend: { internal: true }
containers:
  web-1:
    id: 8c5f0e0d9a7b6c5d4e3f2a1b0c9d8e7f6a5b4c3d2e1f0a9b8c7d6e5f4a3b2c1d
    hostname: front
    netns: ${netns["web-1"]?.netns}
    networks:
      shop: { ipv4: 10.5.0.2, ipv6: "fd05::2", aliases: [web${www("web-1")}] }
  web-2:
    netns: ${netns["web-2"]?.netns}
    networks:
      shop: { ipv4: 10.5.0.3, aliases: [web${www("web-2")}], links: { database: db } }
      backend: { ipv4: 10.6.0.3 }
  db:
    netns: ${netns.db?.netns}
    networks:
      backend: { ipv4: 10.6.0.2, aliases: [sql], links: { front: web-2 } }
`;
}

describe.skipIf(reason)(
  `three containers on real networks${reason === undefined ? "" : ` (${reason})`}`,
  () => {
    let world: World;
    let eleven: Eleven;
    let nodes: Record<"web-1" | "web-2" | "db", Node>;
    const resolvConf = "nameserver 127.0.0.11\noptions ndots:0\n";

    beforeAll(async () => {
      world = createWorld();
      world.bridge("shop0", "10.5.0.1/24", "fd05::1/64");
      world.bridge("back0", "10.6.0.1/24");
      world.bridge("up0", "10.99.0.254/24");
      nodes = {
        "web-1": world.container("web-1", { shop0: ["10.5.0.2/24", "fd05::2/64"] }),
        "web-2": world.container("web-2", { shop0: ["10.5.0.3/24"], back0: ["10.6.0.3/24"] }),
        db: world.container("db", { back0: ["10.6.0.2/24"] }),
      };
      const upstreamA = world.container("up-a", { up0: ["10.99.0.1/24"] });
      const upstreamB = world.container("up-b", { up0: ["10.99.0.2/24"] });
      const bulk = Array.from({ length: 100 }, (_, index) => `--host-record=bulk.example,10.77.1.${index}`);
      await startDnsmasq(upstreamA, {
        listen: ["10.99.0.1"],
        args: ["--address=/www.example/10.77.0.1", "--local=/example/", ...bulk],
      });
      await startDnsmasq(upstreamB, { listen: ["10.99.0.2"], args: ["--address=/www.example/10.77.0.2"] });
      world.write("host-resolv.conf", "nameserver 10.99.0.1\n");
      world.write("shop.yaml", shop(nodes, "web-1"));
      eleven = await startEleven(
        world,
        `listen: ["127.0.0.1:5311", "10.5.0.1:53"]
sources: [{ file: shop.yaml }]
attach: all
resolvConf: ${world.folder}/host-resolv.conf
`,
      );
    });

    afterAll(async () => {
      await eleven?.stop();
      await world?.destroy();
    });

    async function dig(from: Node, ...args: string[]): Promise<string[]> {
      const ran = await from.run("dig", ["@127.0.0.11", "+short", "+tries=1", "+timeout=3", ...args]);
      return ran.stdout.trim().split("\n").filter(Boolean).sort();
    }

    async function digAll(from: Node, ...args: string[]): Promise<string> {
      return (await from.run("dig", ["@127.0.0.11", "+tries=1", "+timeout=3", ...args])).stdout;
    }

    async function getent(from: Node, database: string, name: string): Promise<string[]> {
      const ran = await from.run("getent", [database, name], { resolvConf });
      const addresses = ran.stdout.split("\n").map((line) => line.split(/\s+/)[0] ?? "");
      return [...new Set(addresses.filter(Boolean))].sort();
    }

    test("an alias that two containers share resolves to both", async () => {
      expect(await dig(nodes["web-1"], "web")).toEqual(["10.5.0.2", "10.5.0.3"]);
      expect(await getent(nodes["web-1"], "ahostsv4", "web")).toEqual(["10.5.0.2", "10.5.0.3"]);
    });

    test("container name, short id, hostname, name.network and upper case are the same container", async () => {
      for (const name of [
        "web-1",
        "8c5f0e0d9a7b",
        "front",
        "web-1.shop",
        "WEB-1",
        "Web-1.SHOP",
        "web-1.shop.",
      ]) {
        expect(await dig(nodes["web-2"], name), name).toEqual(["10.5.0.2"]);
      }
    });

    test("a real getaddrinfo gets IPv4 and IPv6", async () => {
      expect(await getent(nodes["web-2"], "ahosts", "web-1")).toEqual(["10.5.0.2", "fd05::2"]);
    });

    test("busybox nslookup finds an alias", async () => {
      const ran = await nodes["web-1"].run("busybox", ["nslookup", "web-2", "127.0.0.11"]);
      expect(ran.stdout).toContain("10.5.0.3");
    });

    test("a link is seen by the container that has it, and by no other", async () => {
      expect(await dig(nodes.db, "front")).toEqual(["10.6.0.3"]);
      expect(await dig(nodes["web-2"], "front")).toEqual(["10.5.0.2"]);
    });

    test("a name on a network the client is not on is not seen", async () => {
      expect(await dig(nodes["web-1"], "sql")).toEqual([]);
      expect(await dig(nodes["web-1"], "db.backend")).toEqual([]);
      expect(await dig(nodes["web-2"], "sql")).toEqual(["10.6.0.2"]);
    });

    test("PTR gives the container's first name and network", async () => {
      expect(await dig(nodes["web-1"], "-x", "10.5.0.3")).toEqual(["web-2.shop."]);
      expect(await dig(nodes["web-2"], "-x", "fd05::2")).toEqual(["web-1.shop."]);
      expect(await getent(nodes["web-1"], "hosts", "10.5.0.3")).toEqual(["10.5.0.3"]);
    });

    test("TCP answers as UDP does", async () => {
      expect(await dig(nodes["web-1"], "+tcp", "web")).toEqual(["10.5.0.2", "10.5.0.3"]);
    });

    test("answers are authoritative, RA is set, the TTL is 5 and EDNS is answered as EDNS", async () => {
      const withEdns = await digAll(nodes["web-1"], "+edns", "web-2");
      expect(withEdns).toMatch(/flags: qr aa rd ra;/);
      expect(withEdns).toContain("EDNS: version: 0");
      expect(withEdns).toMatch(/web-2\.\s+5\s+IN\s+A\s+10\.5\.0\.3/);
      expect(await digAll(nodes["web-1"], "+noedns", "web-2")).not.toContain("EDNS");
    });

    test("a missing family, and any other type of a known name, is NODATA and goes nowhere", async () => {
      for (const type of ["AAAA", "MX", "TXT", "HTTPS", "SRV"]) {
        const text = await digAll(nodes["web-1"], "web-2", type);
        expect(text, type).toContain("status: NOERROR");
        expect(text, type).toContain("ANSWER: 0");
        expect(text, type).toMatch(/flags: qr aa rd ra;/);
      }
      expect(await dig(nodes["web-1"], "web-2", "ANY")).toEqual(['"RFC8482" ""']);
    });

    test("a name outside is forwarded to the host's upstream", async () => {
      expect(await dig(nodes["web-1"], "www.example")).toEqual(["10.77.0.1"]);
      expect(await getent(nodes["web-1"], "ahostsv4", "www.example")).toEqual(["10.77.0.1"]);
      expect(await digAll(nodes["web-1"], "nothing.example")).toContain("status: NXDOMAIN");
    });

    test("an answer too large for UDP comes whole over TCP", async () => {
      const text = await digAll(nodes["web-1"], "+noedns", "bulk.example");
      expect(text).toContain("Truncated, retrying in TCP mode");
      expect(text).toContain("ANSWER: 100");
    });

    test("a container with internal networks only gets nothing from outside, at once", async () => {
      const text = await digAll(nodes.db, "www.example");
      expect(text).toContain("status: SERVFAIL");
      expect(text).toContain("only internal networks");
    });

    test("a plain listener gives a container its view and everybody else the host's", async () => {
      const ask = (from: Node, ...args: string[]) =>
        from.run("dig", ["+short", "+tries=1", "+timeout=3", ...args]);
      expect((await ask(nodes["web-1"], "@10.5.0.1", "db")).stdout).toBe("");
      expect((await ask(nodes["web-2"], "@10.5.0.1", "db")).stdout.trim()).toBe("10.6.0.2");
      expect((await ask(world.host, "@127.0.0.1", "-p", "5311", "db.backend")).stdout.trim()).toBe(
        "10.6.0.2",
      );
      expect((await ask(world.host, "@127.0.0.1", "-p", "5311", "db")).stdout.trim()).toBe("10.6.0.2");
      expect((await ask(world.host, "@127.0.0.1", "-p", "5311", "DB.backend.docker")).stdout.trim()).toBe(
        "10.6.0.2",
      );
      expect((await ask(nodes["web-2"], "@10.5.0.1", "db.backend.docker")).stdout).toBe("");
    });

    test("query, records and history tell the same", async () => {
      const query = await eleven.query("web", "A", "--from", "web-1");
      expect(query.rcode).toBe("NOERROR");
      expect(query.origin).toBe("registry");
      expect(query.question).toEqual({ name: "web.", type: "A" });
      expect(query.answers.map(({ data }) => data).sort()).toEqual(["10.5.0.2", "10.5.0.3"]);
      const records = await eleven.records("web");
      expect(records.map(({ container, addresses }) => [container, ...addresses])).toEqual([
        ["web-1", "10.5.0.2", "fd05::2"],
        ["web-2", "10.5.0.3"],
      ]);
      const history = await eleven.history("web");
      expect(history.map(({ action, address }) => `${action} ${address}`).sort()).toEqual([
        "added 10.5.0.2",
        "added 10.5.0.3",
        "added fd05::2",
      ]);
    });

    test("an alias that moves is never answered with the old address after the revision that says so", async () => {
      expect(await dig(nodes["web-2"], "www")).toEqual(["10.5.0.2"]);
      const { revision } = await eleven.status();
      world.write("shop.yaml", shop(nodes, "web-2"));
      const moved = await eleven.revisionAfter(revision);
      for (let round = 0; round < 20; round++)
        expect(await dig(nodes["web-1"], "www", "A")).toEqual(["10.5.0.3"]);
      const history = await eleven.history("www");
      const v4 = history.filter(({ address }) => address.startsWith("10."));
      expect(v4.map(({ action, address, container }) => [action, address, container])).toEqual([
        ["added", "10.5.0.2", "web-1"],
        ["removed", "10.5.0.2", "web-1"],
        ["added", "10.5.0.3", "web-2"],
      ]);
      expect(
        v4.slice(1).every((entry) => entry.revision === moved && entry.cause.includes("shop.yaml")),
      ).toBe(true);
    });

    test("a broken edit is refused whole with its line, and the last good state keeps serving", async () => {
      world.write(
        "shop.yaml",
        `${shop(nodes, "web-2")}\n  typo-1: { networks: { shopp: { ipv4: 10.5.0.9 } } }\n`,
      );
      let source = (await eleven.status()).sources[0];
      while (source?.state === "synced") source = (await eleven.status()).sources[0];
      expect(source?.error).toMatch(/shop\.yaml:\d+/);
      expect(source?.error).toContain("shopp");
      expect(await dig(nodes["web-1"], "www")).toEqual(["10.5.0.3"]);
      world.write("shop.yaml", shop(nodes, "web-2"));
      while (source?.state !== "synced") source = (await eleven.status()).sources[0];
    });

    test("the host's resolv.conf changes: the next query goes to the new server", async () => {
      world.write("host-resolv.conf", "nameserver 10.99.0.2\n");
      expect(await dig(nodes["web-1"], "www.example")).toEqual(["10.77.0.2"]);
      world.write("host-resolv.conf", "nameserver 10.99.0.1\n");
      expect(await dig(nodes["web-1"], "www.example")).toEqual(["10.77.0.1"]);
    });
  },
);
