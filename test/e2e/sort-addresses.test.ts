import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseGaiConf } from "../../src/libc/gai-conf.ts";
import { commonBits, type IpAddress, ipAddress } from "../../src/libc/ip-address.ts";
import { type Sorter, sortAddresses } from "../../src/libc/sort-addresses.ts";
import { readSourceAddress, type SourceAddress, sourceFor } from "../../src/libc/source-address.ts";
import { has, missing } from "../support/requirements.ts";
import { createWorld, type Node, type RunOptions, type World } from "../support/world.ts";

const BIN = fileURLToPath(new URL("../../bin/eleven", import.meta.url));
const PROGRAM = fileURLToPath(new URL("../support/sorted.c", import.meta.url));

/** Hosts by their own addresses. Each has a default route of each family that it has an address of. */
const HOSTS: Readonly<Record<string, readonly string[]>> = {
  dual: ["10.5.0.2/24", "2001:db8:5::2/64", "fd05::2/64", "fe80::2/64"],
  "ipv4-only": ["10.5.0.2/24", "192.168.7.2/16"],
  "link-local-ipv6": ["10.5.0.2/24", "fe80::2/64"],
  "ula-only": ["10.5.0.2/12", "fd05::2/64", "fe80::2/64"],
  transitional: ["198.51.100.2/25", "2002:c633:6402::2/64", "2001:0:5::2/64", "fe80::2/64"],
  deprecated: ["169.254.13.78/16", "2001:db8:5::2/64+deprecated", "fd05::2/48", "fec0::2/64", "fe80::2/64"],
  "ipv6-only": ["2001:db8:5::2/64", "2001:db8:3f44::2/64", "fe80::2/64"],
};

/** Destinations of every kind the tables know: on the subnets, beside them, far off, and the hosts' own. */
const DESTINATIONS = [
  ...["10.5.0.2", "10.5.0.9", "10.5.0.77", "10.5.1.1", "10.9.9.9", "192.168.7.9", "192.168.99.1"],
  ...["198.51.100.9", "198.51.100.200", "203.0.113.1", "169.254.13.1", "127.0.0.1", "127.0.0.5", "8.8.8.8"],
  ...["2001:db8:5::2", "2001:db8:5::9", "2001:db8:5:1::9", "2001:db8:3f00::1", "2001:db9::1", "2600::1"],
  ...["fd05::9", "fd05:0:0:1::1", "fdff::1", "fec0::9", "fe80::9", "2002:c633:6401::1", "2002:808::1"],
  ...["2001:0:5::9", "2001:0:99::1", "::1", "::8.8.8.8", "3ffe::1", "64:ff9b::808:808"],
  ...["::ffff:10.5.0.9", "::ffff:8.8.8.8"],
];

const PREFIXES = [
  ...["::/0", "::1/128", "::ffff:0:0/96", "::ffff:10.0.0.0/104", "::ffff:10.5.0.0/120", "2002::/16"],
  ...["fc00::/7", "fd05::/64", "2001:db8::/32", "2001:db8:5::/48", "2001::/32", "fe80::/10", "nonsense/3"],
];
const IPV4_PREFIXES = [
  "::ffff:10.0.0.0/104",
  "10.5.0.0/24",
  "::ffff:0:0/96",
  "127.0.0.0/8",
  "169.254.0.0/12",
];

const line = (keyword: string, prefixes: readonly string[], values: readonly number[]) =>
  fc
    .tuple(fc.constantFrom(...prefixes), fc.constantFrom(...values))
    .map(([prefix, value]) => `${keyword} ${prefix} ${value}`);
const gaiConf = fc
  .tuple(
    fc.array(line("label", PREFIXES, [1, 2, 3]), { maxLength: 4 }),
    // Few values, so that IPv4 and IPv6 often have the same.
    fc.array(line("precedence", PREFIXES, [40, 40, 50, 10]), { maxLength: 4 }),
    fc.array(line("scopev4", IPV4_PREFIXES, [2, 5, 14]), { maxLength: 3 }),
  )
  .map((lines) => `# made for a test\n${lines.flat().join("\n")}\n`);
const names = fc.array(fc.shuffledSubarray(DESTINATIONS, { minLength: 2, maxLength: 9 }), {
  minLength: 150,
  maxLength: 150,
});

const noGcc = missing("gcc");
const noMusl = missing("gcc", "musl-gcc");

describe.skipIf(noGcc)(`sort-addresses${noGcc === undefined ? "" : ` (${noGcc})`}`, () => {
  let world: World;
  let glibc: string;
  let musl: string;
  const nodes = new Map<string, Node>();

  beforeAll(async () => {
    world = createWorld();
    glibc = join(world.folder, "sorted-glibc");
    musl = join(world.folder, "sorted-musl");
    execFileSync("gcc", ["-o", glibc, PROGRAM]);
    if (has("musl-gcc")) execFileSync("musl-gcc", ["-o", musl, PROGRAM]);
    for (const [name, addresses] of Object.entries(HOSTS)) {
      const node = world.container(name, {});
      nodes.set(name, node);
      // A bridge without ports is an interface; without an address of its own making nothing waits for its check.
      const commands = [
        "echo 1 >/proc/sys/net/ipv6/conf/default/addr_gen_mode",
        "ip link add eth0 type bridge",
        ...addresses.map((address) => {
          const [plain = "", flag] = address.split("+");
          const lifetime = flag === undefined ? "" : "preferred_lft 0";
          return `ip address add ${plain} dev eth0 ${plain.includes(":") ? "nodad" : ""} ${lifetime}`;
        }),
        "ip link set eth0 up",
        // Of a family without an address the route would still be taken, from 0.0.0.0.
        ...(addresses.some((address) => !address.includes(":")) ? ["ip -4 route add default dev eth0"] : []),
        ...(addresses.some((address) => address.includes(":")) ? ["ip -6 route add default dev eth0"] : []),
      ];
      const { status, stderr } = await node.run("sh", ["-ec", commands.join("\n")]);
      if (status !== 0) throw new Error(`Cannot make the host ${name}: ${stderr}`);
    }
  });

  afterAll(async () => {
    await world?.destroy();
  });

  /** What somebody would give to --sources: the addresses as `ip address` shows them. */
  async function ownOf(host: string): Promise<SourceAddress[]> {
    const lines = await ask(host, "ip", ["-oneline", "address", "show", "dev", "eth0"]);
    return lines.map((words) => {
      const deprecated = words.includes("deprecated") ? "+deprecated" : "";
      const address = words.find((word) => word.includes("/"));
      return readSourceAddress(`${address}${deprecated}`)!;
    });
  }

  async function ask(
    host: string,
    program: string,
    args: readonly string[],
    options: RunOptions = {},
  ): Promise<string[][]> {
    const { stdout, stderr, status } = await nodes.get(host)!.run(program, args, options);
    expect(status, stderr).toBe(0);
    return stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split(" "));
  }

  /** The source that the kernel really chooses, with what `ip address` says of it. */
  async function realSources(host: string): Promise<Map<string, SourceAddress | undefined>> {
    const lines = await ask(host, glibc, ["sources", ...DESTINATIONS]);
    const own = [...(await ownOf(host)), readSourceAddress("127.0.0.1/8")!, readSourceAddress("::1/128")!];
    // A mapped address is in no list of its own, but is the IPv4 one.
    const known = (address: IpAddress) => ({
      ...own.find((each) => commonBits(each.address.octets, address.octets) === 128)!,
      address,
    });
    return new Map(
      lines.map(([destination = "", source = "-"]) => [
        destination,
        source === "-" ? undefined : known(ipAddress(source)!),
      ]),
    );
  }

  async function compare(host: string, program: string, sorter: Sorter, sets: string[][], conf: string) {
    const sources = await realSources(host);
    const hosts = sets.flatMap((set, i) => set.map((address) => `${address} n${i}.test`)).join("\n");
    const args = ["names", ...sets.map((_, i) => `n${i}.test`)];
    const lines = await ask(host, program, args, { hosts: `${hosts}\n`, gaiConf: conf });
    for (const [i, set] of sets.entries()) {
      const destinations = set.map((text) => ({ address: ipAddress(text)!, source: sources.get(text) }));
      const ours = sortAddresses(destinations, sorter).map(({ address }) => address.text);
      expect(ours, `${host}, ${set.join(" ")}, gai.conf:\n${conf}`).toEqual(
        lines[i]!.slice(1).map((text) => ipAddress(text)!.text),
      );
    }
  }

  test.each(Object.keys(HOSTS))("glibc sorts as we say, whatever gai.conf says: %s", async (host) => {
    const hasIpv6 = (await ownOf(host)).some(({ address }) => address.family === 6);
    const confs = ["", ...fc.sample(gaiConf, { seed: 6724, numRuns: 12 })];
    const sets = fc.sample(names, { seed: 3484, numRuns: confs.length });
    for (const [i, conf] of confs.entries()) {
      const { tables } = parseGaiConf(conf);
      await compare(host, glibc, { libc: "glibc", tables, hasIpv6 }, sets[i]!, conf);
    }
  });

  test.skipIf(noMusl).each(Object.keys(HOSTS))(
    `musl sorts as we say${noMusl === undefined ? "" : ` (${noMusl})`}: %s`,
    async (host) => {
      const [...sets] = fc.sample(names, { seed: 1234, numRuns: 4 });
      for (const set of sets) await compare(host, musl, { libc: "musl" }, set, "");
    },
  );

  test.each(Object.keys(HOSTS))("the kernel chooses the source that we say: %s", async (host) => {
    const real = await realSources(host);
    const own = await ownOf(host);
    for (const text of DESTINATIONS) {
      // The kernel wants a zone with it.
      if (text.startsWith("fe80:")) continue;
      const ours = sourceFor(ipAddress(text)!, own)?.address.text;
      expect(ours, `${host} to ${text}`).toBe(real.get(text)?.address.text);
    }
  });
});

describe("eleven sort-addresses", () => {
  const eleven = (...args: string[]) =>
    spawnSync(process.execPath, [BIN, "sort-addresses", ...args], { encoding: "utf8" });

  test("prints a table with the rule that decided", () => {
    const { stdout, status } = eleven(
      "--sources",
      "10.5.0.2/24,fd05::2/64",
      "10.5.0.9",
      "fd05::9",
      "10.9.9.9",
    );
    expect(status).toBe(0);
    expect(stdout.split("\n").map((line) => line.split(/ {2,}/))).toEqual([
      ["ADDRESS", "SOURCE", "LABEL", "PRECEDENCE", "SCOPE", "BEFORE THE NEXT BY"],
      ["fd05::9", "fd05::2", "6", "40", "14", "rule 6: greater precedence"],
      ["10.5.0.9", "10.5.0.2", "4", "10", "14", "rule 9: longer prefix in common with its source"],
      ["10.9.9.9", "10.5.0.2", "4", "10", "14"],
      [""],
    ]);
  });

  test("musl prefers IPv4 to unique local addresses, and reads no gai.conf", () => {
    const conf = fileURLToPath(new URL("../../package.json", import.meta.url));
    const args = ["--sources", "10.5.0.2,fd05::2", "--gai-conf", conf, "fd05::9", "10.5.0.9"];
    const { stdout, stderr } = eleven("--libc", "musl", ...args);
    expect(stdout).toMatch(/10\.5\.0\.9.*rule 6.*\nfd05::9/);
    expect(stderr).toBe(`note: musl reads no gai.conf: ${conf} changes nothing\n`);
  });

  test("says which lines of gai.conf glibc ignores", () => {
    const conf = join(fileURLToPath(new URL("../../", import.meta.url)), "LICENSE");
    expect(existsSync(conf)).toBe(true);
    const { stderr } = eleven("--sources", "10.5.0.2", "--gai-conf", conf, "10.5.0.9");
    expect(stderr).toMatch(/^note: .*LICENSE:\d+: glibc ignores ".*": not a keyword$/m);
  });

  test.each([
    [["--sources", "10.5.0.2", "web"], /^Cannot sort "web": not an IP address\n {2}remedy: /],
    [["--sources", "10.5.0.2/33", "::1"], /^Cannot use --sources "10\.5\.0\.2\/33": .*\n {2}remedy: /],
    [["::1"], /required option '--sources.*\n {2}remedy: /],
    [["--sources", "::1"], /missing required argument.*\n {2}remedy: /],
    [["--sources", "::1", "--gai-conf", "/nowhere", "::1"], /^Cannot read \/nowhere: ENOENT\n {2}remedy: /],
    [["--sources", "::1", "--libc", "bionic", "::1"], /glibc, musl.*\n {2}remedy: /],
  ])("refuses %j", (args, message) => {
    const { status, stdout, stderr } = eleven(...args);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toMatch(message);
  });
});
