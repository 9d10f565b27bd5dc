import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Namespace, openNamespace } from "../../src/linux/namespace.ts";
import { has, missing } from "../support/requirements.ts";
import { type Arrived, type Script, type ScriptedDns, startScriptedDns } from "../support/scripted-dns.ts";
import { createWorld, type Node, type Ran, type World } from "../support/world.ts";

const BIN = fileURLToPath(new URL("../../bin/eleven", import.meta.url));
const PROGRAM = fileURLToPath(new URL("../support/getaddrinfo.c", import.meta.url));

/** A lookup that the real libc and ours do, each with servers of its own that do as the script says. */
interface Case {
  readonly title: string;
  readonly libc: "glibc" | "musl";
  readonly name?: string;
  readonly family?: "any" | "inet" | "inet6";
  /** As of getaddrinfo.c. */
  readonly flags?: string;
  readonly options?: string;
  readonly search?: string;
  readonly hosts?: string;
  readonly servers?: number;
  /** Nameservers before those, where nobody is. */
  readonly nobody?: readonly string[];
  /** A new one for each run, so that it may count. */
  readonly script: () => Script;
  /** In which of the world's namespaces; `dual` unless told. */
  readonly node?: string;
}

interface Outcome {
  readonly ms: number;
  readonly error: string | null;
  readonly addresses: readonly string[];
}

interface Run extends Outcome {
  readonly arrived: readonly Arrived[];
}

const V4 = "10.7.0.7";
const V6 = "fd07::7";
const both = ({ type }: Arrived) => ({ addresses: [type === "A" ? V4 : V6] });
const healthy = (): Script => both;
const silent = (): Script => () => undefined;
const rcode = (number: number) => (): Script => () => ({ rcode: number });
const withoutAaaa = (): Script => (arrived) => (arrived.type === "A" ? both(arrived) : undefined);
const SERVFAIL = 2;
const NXDOMAIN = 3;
const NOTIMP = 4;
const REFUSED = 5;

const RCODES = { FORMERR: 1, SERVFAIL, NXDOMAIN, NOTIMP, REFUSED, NODATA: 0 } as const;

const glibc = (title: string, rest: Omit<Case, "title" | "libc">): Case => ({
  title,
  libc: "glibc",
  ...rest,
});
const musl = (title: string, rest: Omit<Case, "title" | "libc">): Case => ({ title, libc: "musl", ...rest });

/** Loses the second packet that leaves a socket before the first has an answer: the race of old kernels. */
const race = (): Script => {
  const seen = new Set<number>();
  return (arrived, nth) => {
    const isSecond = seen.has(arrived.port) && nth <= 2;
    seen.add(arrived.port);
    return isSecond ? undefined : both(arrived);
  };
};

const CASES: readonly Case[] = [
  // Black holes: how long, how often, from which sockets.
  ...[1, 2, 3].flatMap((servers) =>
    ["", "timeout:1", "timeout:1 attempts:1", "timeout:2 attempts:3", "attempts:1"].map((options) =>
      glibc(`a black hole of ${servers} with options ${options || "(none)"}`, {
        servers,
        options,
        name: "www.test.",
        script: silent,
      }),
    ),
  ),
  ...["", "timeout:1", "attempts:5", "timeout:2 attempts:1"].map((options) =>
    musl(`a black hole of 2 with options ${options || "(none)"}`, { servers: 2, options, script: silent }),
  ),
  // AAAA is never answered.
  ...[
    "",
    "single-request",
    "single-request-reopen",
    "timeout:1",
    "timeout:1 attempts:3",
    "timeout:1 attempts:5 single-request",
    "no-aaaa",
  ].map((options) =>
    glibc(`no answer to AAAA with options ${options || "(none)"}`, { options, script: withoutAaaa }),
  ),
  glibc("no answer to AAAA for AF_INET", { family: "inet", script: withoutAaaa }),
  glibc("no answer to AAAA with AI_ADDRCONFIG", { flags: "c", options: "timeout:1", script: withoutAaaa }),
  glibc("no answer to AAAA with AI_ADDRCONFIG, link-local IPv6 only", {
    flags: "c",
    options: "timeout:1",
    node: "linklocal",
    script: withoutAaaa,
  }),
  glibc("no answer to AAAA with AI_ADDRCONFIG and no IPv6", { flags: "c", node: "v4", script: withoutAaaa }),
  glibc("no answer to AAAA along a search list", {
    name: "www",
    search: "a.test b.test",
    options: "timeout:1",
    script: () => (arrived) =>
      arrived.type !== "A" ? undefined : arrived.name === "www.b.test" ? both(arrived) : { rcode: NXDOMAIN },
  }),
  ...["", "timeout:1"].map((options) =>
    musl(`no answer to AAAA with options ${options || "(none)"}`, { options, script: withoutAaaa }),
  ),
  musl("no answer to AAAA with single-request, which it does not know", {
    options: "timeout:1 single-request",
    script: withoutAaaa,
  }),
  musl("no answer to AAAA for AF_INET", { family: "inet", script: withoutAaaa }),
  // A lost packet.
  ...["timeout:1", "single-request", "single-request-reopen"].map((options) =>
    glibc(`the race of two packets with options ${options}`, { options, script: race }),
  ),
  musl("the race of two packets", { options: "timeout:2", script: race }),
  glibc("one lost AAAA with single-request-reopen", {
    options: "timeout:1 single-request-reopen",
    script: () => {
      let lost = 0;
      return (arrived) => (arrived.type === "AAAA" && lost++ === 0 ? undefined : both(arrived));
    },
  }),
  glibc("answers that come after their time", {
    options: "timeout:1",
    script: () => (arrived, nth) => (nth > 2 ? undefined : { ...both(arrived), afterMs: 1500 }),
  }),
  // What servers say.
  ...Object.entries(RCODES).flatMap(([name, number]) => [
    glibc(`${name} to AAAA`, {
      script: () => (arrived) => (arrived.type === "A" ? both(arrived) : { rcode: number }),
    }),
    glibc(`${name} to A, which is slower`, {
      script: () => (arrived) =>
        arrived.type === "A" ? { rcode: number, afterMs: 100 } : { ...both(arrived), afterMs: 50 },
    }),
    glibc(`${name} to everything`, { servers: 2, options: "timeout:1", script: rcode(number) }),
    glibc(`${name} to A for AF_INET`, { family: "inet", servers: 2, script: rcode(number) }),
    glibc(`${name} to AAAA for AF_INET6`, { family: "inet6", servers: 2, script: rcode(number) }),
    musl(`${name} to AAAA`, {
      options: "timeout:1",
      script: () => (arrived) => (arrived.type === "A" ? both(arrived) : { rcode: number }),
    }),
    // Whichever server is quicker gets the repetition of SERVFAIL.
    musl(`${name} to everything`, {
      options: "timeout:1",
      servers: number === SERVFAIL ? 1 : 2,
      script: rcode(number),
    }),
  ]),
  ...[SERVFAIL, NOTIMP, REFUSED].map((number) =>
    glibc(`a bare refusal ${number}`, {
      servers: 2,
      options: "timeout:1 attempts:1",
      script: () => (arrived) => (arrived.server === 0 ? { rcode: number, bare: true } : both(arrived)),
    }),
  ),
  glibc("SERVFAIL to A with single-request", {
    options: "single-request timeout:1",
    script: () => (arrived) => (arrived.type === "A" ? { rcode: SERVFAIL } : both(arrived)),
  }),
  glibc("no data without RA", { family: "inet6", servers: 2, script: () => () => ({ ra: false }) }),
  glibc("no data without RA, with AA", { family: "inet6", script: () => () => ({ ra: false, aa: true }) }),
  glibc("an alias", { script: () => (arrived) => ({ ...both(arrived), cname: "real.test" }) }),
  glibc("an alias that leads nowhere", { script: () => () => ({ cname: "real.test" }) }),
  musl("an alias", { script: () => (arrived) => ({ ...both(arrived), cname: "real.test" }) }),
  // TCP.
  glibc("truncated replies", {
    script: () => (arrived) => (arrived.transport === "udp" ? { tc: true } : both(arrived)),
  }),
  glibc("one truncated reply of two", {
    script: () => (arrived) =>
      arrived.transport === "udp" && arrived.type === "AAAA" ? { tc: true, afterMs: 30 } : both(arrived),
  }),
  musl("truncated replies, before 1.2.4", { script: () => () => ({ tc: true }) }),
  glibc("use-vc", { options: "use-vc", script: healthy }),
  glibc("use-vc and SERVFAIL", { options: "use-vc", servers: 2, script: rcode(SERVFAIL) }),
  // Nameservers that are not there, and of the other family.
  glibc("a closed port before a server", { nobody: ["127.99.0.1"], script: healthy }),
  glibc("a closed port of IPv6 before a server", { nobody: ["::1"], script: healthy }),
  glibc("a closed port before silence", { nobody: ["127.99.0.1"], options: "timeout:2", script: silent }),
  glibc("a nameserver without a route before a server", { nobody: ["2001:db8:99::1"], script: healthy }),
  glibc("four nameservers", { nobody: ["127.99.0.1", "127.99.0.2", "127.99.0.3"], script: healthy }),
  musl("a closed port beside a server", { nobody: ["127.99.0.1"], script: healthy }),
  musl("a closed port of IPv6 beside a server", { nobody: ["::1"], script: healthy }),
  // Options.
  ...["", "single-request", "single-request-reopen", "trust-ad", "edns0", "trust-ad edns0", "no-aaaa"].map(
    (options) => glibc(`options ${options || "(none)"}`, { options, script: healthy }),
  ),
  glibc("no-aaaa for AF_INET6", { options: "no-aaaa", family: "inet6", script: healthy }),
  glibc("no-aaaa for AF_INET6 of no name", { options: "no-aaaa", family: "inet6", script: rcode(NXDOMAIN) }),
  musl("options that it does not know", { options: "trust-ad edns0 use-vc rotate no-aaaa", script: healthy }),
  // The search list.
  ...(["www", "x.y", "x.y.z", "x.y."] as const).flatMap((name) =>
    ["", "ndots:2", "ndots:0", "no-tld-query"].flatMap((options) =>
      (["glibc", "musl"] as const).map((libc) => ({
        title: `the search list for ${name} with options ${options || "(none)"}`,
        libc,
        name,
        options,
        search: "a.test b.test",
        script: rcode(NXDOMAIN),
      })),
    ),
  ),
  ...(["glibc", "musl"] as const).flatMap(
    (libc) =>
      [
        { title: "a search list with NODATA", libc, name: "www", search: "a.test b.test", script: rcode(0) },
        {
          title: "a search list with SERVFAIL",
          libc,
          name: "www",
          options: "timeout:1",
          search: "a.test b.test",
          script: rcode(SERVFAIL),
        },
        {
          title: "a search list with REFUSED",
          libc,
          name: "www",
          options: "timeout:1",
          search: "a.test b.test",
          script: rcode(REFUSED),
        },
        {
          title: "a search list with silence",
          libc,
          name: "www",
          options: "timeout:1",
          search: "a.test b.test",
          script: silent,
        },
        {
          title: "the search list of a cluster",
          libc,
          name: "www.example.test",
          options: "ndots:5",
          search: "ns.svc.c.test svc.c.test c.test",
          script: () => (arrived: Arrived) =>
            arrived.name === "www.example.test" ? both(arrived) : { rcode: NXDOMAIN },
        },
        {
          title: "NODATA in the list before NXDOMAIN",
          libc,
          name: "www",
          search: "a.test b.test",
          script: () => (arrived: Arrived) => ({ rcode: arrived.name === "www.a.test" ? 0 : NXDOMAIN }),
        },
        {
          title: "NODATA in the list after NXDOMAIN of the name as it is",
          libc,
          name: "x.y",
          search: "a.test b.test",
          script: () => (arrived: Arrived) => ({ rcode: arrived.name === "x.y.a.test" ? 0 : NXDOMAIN }),
        },
      ] satisfies Case[],
  ),
  glibc("a search list of the root", { name: "www", search: ". a.test", script: rcode(NXDOMAIN) }),
  // What is no host name.
  ...(["glibc", "musl"] as const).flatMap((libc) =>
    ["a b", "a*b", "a_b.-dash", "b\u00fccher.test", "a..b", `${"a".repeat(64)}.test`].map((name) => ({
      title: `${name.slice(0, 20)} as a name`,
      libc,
      name,
      script: rcode(NXDOMAIN),
    })),
  ),
  // Before DNS.
  ...(["glibc", "musl"] as const).flatMap((libc) =>
    (["any", "inet", "inet6"] as const).flatMap((family) =>
      (["www", "WWW", "six", "four", "127.1", "0x7f000001", "10.0.0.1", "fd00::5"] as const).map((name) => ({
        title: `${name} for ${family} with a hosts file`,
        libc,
        name,
        family,
        hosts:
          "10.7.0.1 real.test www # comment\nfd07::1 www\n::1 six\n10.7.0.2 four\n10.7.0.3 four\nnonsense four\n",
        script: rcode(NXDOMAIN),
      })),
    ),
  ),
  // Flags.
  ...(["glibc", "musl"] as const).flatMap((libc) =>
    ["-", "m", "ml", "l", "c", "cm"].flatMap((flags) => [
      { title: `AF_INET6 with flags ${flags}`, libc, flags, family: "inet6" as const, script: healthy },
      {
        title: `AF_INET6 of a name with IPv4 only with flags ${flags}`,
        libc,
        flags,
        family: "inet6" as const,
        script: () => (arrived: Arrived) => (arrived.type === "A" ? both(arrived) : {}),
      },
      {
        title: `AF_INET6 of a name in hosts with flags ${flags}`,
        libc,
        flags,
        name: "four",
        hosts: "10.7.0.2 four\n",
        family: "inet6" as const,
        script: healthy,
      },
    ]),
  ),
];

const reason = missing("gcc");
/** Started at once; most of them only wait. */
const AT_ONCE = 8;
const ATTEMPTS = 3;
/** All timeouts are above it. */
const SECONDS_MS = 900;

describe.skipIf(reason !== undefined)(`lookup${reason === undefined ? "" : ` (${reason})`}`, () => {
  let world: World;
  const nodes = new Map<string, { readonly node: Node; readonly namespace: Namespace }>();
  const programs = new Map<string, string>();
  const done = new Map<Case, { readonly real: Run; readonly ours: Run }>();
  let lastAddress = 0;

  /** Runs `start` against servers of its own, at addresses that nobody else has. */
  async function against(
    one: Case,
    start: (node: Node, addresses: string[]) => Promise<Outcome>,
  ): Promise<Run> {
    const { node, namespace } = nodes.get(one.node ?? "dual")!;
    lastAddress += 1;
    const place = `127.${1 + (lastAddress >> 8)}.${lastAddress & 255}`;
    const addresses = Array.from({ length: one.servers ?? 1 }, (_, i) => `${place}.${i + 1}`);
    const dns: ScriptedDns = startScriptedDns(namespace, addresses, one.script());
    try {
      return { ...(await start(node, addresses)), arrived: [...dns.arrived] };
    } finally {
      dns.close();
    }
  }

  const files = (one: Case, addresses: readonly string[]) => ({
    resolvConf: [
      ...[...(one.nobody ?? []), ...addresses].map((address) => `nameserver ${address}`),
      `options ${one.options ?? ""}`,
      ...(one.search === undefined ? [] : [`search ${one.search}`]),
      "",
    ].join("\n"),
    hosts: one.hosts ?? "",
    timeoutMs: 60_000,
  });

  function real(one: Case, timeoutMs = 60_000): Promise<Run> {
    return against(one, async (node, addresses) => {
      const { name = "www.example.test", family = "any", flags = "-" } = one;
      const args = [name, family, flags, "1"];
      const ran = await node.run(programs.get(one.libc)!, args, { ...files(one, addresses), timeoutMs });
      return JSON.parse(ran.stdout.trim()) as Outcome;
    });
  }

  function ours(one: Case): Promise<Run> {
    return against(one, async (node, addresses) => {
      const { name = "www.example.test", family = "any", flags = "-" } = one;
      const args = ["lookup", name, "--json", "--family", family];
      args.push("--libc", one.libc === "musl" ? "musl-1.2.3" : "glibc");
      if (flags.includes("c")) args.push("--addrconfig");
      if (flags.includes("m")) args.push("--v4mapped");
      if (flags.includes("l")) args.push("--all");
      const ran = await node.run(process.execPath, [BIN, ...args], files(one, addresses));
      if (ran.stderr !== "") throw new Error(`eleven ${args.join(" ")}: ${ran.stderr}`);
      return JSON.parse(ran.stdout) as Outcome;
    });
  }

  beforeAll(async () => {
    world = createWorld();
    for (const [name, addresses] of [
      ["dual", ["10.7.0.1/24", "fd07::1/64"]],
      ["v4", ["10.7.0.1/24"]],
      ["linklocal", ["10.7.0.1/24", "fe80::1/64"]],
    ] as const) {
      const node = world.container(name, {});
      // A bridge without ports is an interface; without an address of its own making.
      const commands = [
        "echo 1 >/proc/sys/net/ipv6/conf/default/addr_gen_mode",
        "ip link add eth0 type bridge",
      ];
      for (const address of addresses)
        commands.push(`ip address add ${address} dev eth0 ${address.includes(":") ? "nodad" : ""}`);
      await node.run("sh", ["-ec", [...commands, "ip link set eth0 up"].join("\n")]);
      nodes.set(name, { node, namespace: openNamespace(node.netns) });
    }
    for (const [libc, compiler] of [
      ["glibc", "gcc"],
      ["musl", "musl-gcc"],
    ] as const) {
      const program = join(world.folder, `getaddrinfo-${libc}`);
      if (has(compiler)) execFileSync(compiler, ["-o", program, PROGRAM]);
      if (has(compiler)) programs.set(libc, program);
    }
    // The longest first, so that nothing is left to wait for at the end.
    const waiting = CASES.filter(({ libc }) => programs.has(libc));
    await Promise.all(
      Array.from({ length: AT_ONCE }, async () => {
        for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
          // A processor that others keep busy makes late; it does so by chance.
          for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
            const [itself, we] = await Promise.all([real(one), ours(one)]);
            done.set(one, { real: itself, ours: we });
            if (isAsLong(itself, we)) break;
          }
        }
      }),
    );
  }, 600_000);

  afterAll(() => world?.destroy());

  /** As people see it. */
  async function text(one: Case, ...args: readonly string[]) {
    let shown: Ran | undefined;
    await against(one, async (node, addresses) => {
      const command = ["lookup", one.name ?? "www.example.test", "--libc", one.libc, ...args];
      shown = await node.run(process.execPath, [BIN, ...command], files(one, addresses));
      return { ms: 0, error: null, addresses: [] };
    });
    return shown!;
  }

  test.each(CASES.map((one) => [`${one.libc}: ${one.title}`, one] as const))("%s", (_, one) => {
    const runs = done.get(one);
    if (runs === undefined) return expect(has(one.libc === "musl" ? "musl-gcc" : "gcc")).toBe(false);
    expect({ ...outcome(runs.ours), wire: wire(runs.ours, one.libc) }).toEqual({
      ...outcome(runs.real),
      wire: wire(runs.real, one.libc),
    });
    expect(isAsLong(runs.real, runs.ours), `${runs.ours.ms} ms, and libc ${runs.real.ms} ms`).toBe(true);
  });

  const fiveSeconds = glibc("an upstream that never answers AAAA", { script: withoutAaaa });

  test("an upstream that never answers AAAA: shows where the seconds went, why, and what to set", async () => {
    const [ran, onMusl] = await Promise.all([text(fiveSeconds), text({ ...fiveSeconds, libc: "musl" })]);
    expect(ran.status).toBe(0);
    expect(ran.stdout).toContain("www.example.test by glibc: 10.7.0.7 after 15.");
    expect(ran.stdout).toMatch(
      /Where 15\.\d s went\n {2}15\.\d s {2}3 times no answer to AAAA www\.example\.test\. from/,
    );
    expect(ran.stdout).toMatch(
      /never answers AAAA: any answer at all, an error or an empty one, would cost no time/,
    );
    expect(ran.stdout).toMatch(/What would change it.*\n {2}\S+ ms {2}options no-aaaa: 10\.7\.0\.7/);
    expect(onMusl.status).toBe(1);
    expect(onMusl.stdout).toMatch(/Where 5\.\d s went\n {2}5\.\d s {2}2 times no answer to AAAA/);
    expect(onMusl.stdout).toContain("the program asks for IPv4 only (AF_INET): 10.7.0.7");
  });

  test("what it says of an option, libc does with that option", async () => {
    const { stdout } = await text(fiveSeconds, "--json");
    const options = (JSON.parse(stdout) as Report).remedies.filter(({ change }) =>
      change.startsWith("options "),
    );
    expect(options.map(({ change }) => change)).toEqual([
      "options no-aaaa",
      "options timeout:1 single-request",
      "options timeout:1",
      "options single-request-reopen",
      "options single-request",
    ]);
    const measured = options.map(async ({ change, ms }) => {
      const run = await real({ ...fiveSeconds, options: change.replace("options ", "") });
      return [change, Math.round(run.ms / 1000), Math.round(ms / 1000)] as const;
    });
    for (const [change, itself, said] of await Promise.all(measured)) expect(said, change).toBe(itself);
  });

  test("glibc: rotate goes on to the next server with each question", async () => {
    const rotating = glibc("rotate", {
      options: "rotate",
      servers: 3,
      name: "www",
      search: "a.test b.test",
      family: "inet",
      script: rcode(NXDOMAIN),
    });
    for (const run of await Promise.all([real(rotating), ours(rotating)])) {
      const servers = run.arrived.map(({ server }) => server);
      expect(servers).toEqual([0, 1, 2].map((step) => (servers[0]! + step) % 3));
    }
  });

  test("a wait without end ends with patience, and libc's goes on", async () => {
    const endless = glibc("no answer to AAAA over TCP", { options: "use-vc timeout:1", script: withoutAaaa });
    const [ran, itself] = await Promise.all([
      text(endless, "--patience", "4"),
      real(endless, 6000).catch((error: Error) => error.message),
    ]);
    expect(ran.status).toBe(1);
    expect(ran.stdout).toContain("STILL_WAITING after 4.");
    expect(ran.stdout).toMatch(/still nothing from 127\.\S+, and no limit to the wait/);
    // It printed nothing.
    expect(itself).toContain("JSON");
  });

  test("a closed port costs no time", async () => {
    const { node } = nodes.get("dual")!;
    const closed = { resolvConf: "nameserver 127.99.0.1\n", hosts: "" };
    for (const [libc, program] of programs) {
      if (libc === "musl") continue;
      const itself = await node.run(program, ["www.example.test", "any", "-", "1"], closed);
      const ran = await node.run(process.execPath, [BIN, "lookup", "www.example.test", "--json"], closed);
      const [theirs, our] = [itself, ran].map(({ stdout }) => JSON.parse(stdout) as Outcome);
      expect([our!.error, our!.ms < SECONDS_MS]).toEqual([theirs!.error, theirs!.ms < SECONDS_MS]);
    }
  });

  test("a file that was named and is missing is told, one that nobody named is empty", async () => {
    const { node } = nodes.get("dual")!;
    const ran = await node.run(process.execPath, [
      BIN,
      "lookup",
      "localhost",
      "--hosts",
      "/nonexistent/hosts",
    ]);
    expect(ran).toMatchObject({ status: 2, stdout: "" });
    expect(ran.stderr).toBe(
      "Cannot read /nonexistent/hosts: ENOENT\n  remedy: name another file with --hosts\n",
    );
  });
});

/** Reads a report with `--json`. */
interface Report extends Outcome {
  readonly timeline: readonly { readonly event: string }[];
  readonly remedies: readonly { readonly change: string; readonly ms: number }[];
}

/** What takes seconds takes the same seconds; what takes none has nothing to compare. */
function isAsLong(real: Run, ours: Run): boolean {
  if (real.ms < SECONDS_MS) return ours.ms < SECONDS_MS;
  return Math.abs(ours.ms / real.ms - 1) < 0.1;
}

function outcome({ error, addresses }: Run) {
  return { error, addresses };
}

/**
 * What was asked, in order, sockets by number: `0 udp s0 A www.test ad 1200`. musl asks all servers at once, and which
 * of two packets is read first is chance, so there each server has an order of its own.
 */
function wire({ arrived }: Run, libc: Case["libc"]): string[] {
  const ports = new Map<number, number>();
  const inOrder = libc === "glibc" ? arrived : [...arrived].sort((a, b) => a.server - b.server);
  return inOrder.map(({ server, transport, type, name, port, ad, payload }) => {
    if (!ports.has(port)) ports.set(port, ports.size);
    const flags = `${ad ? " ad" : ""}${payload > 0 ? ` ${payload}` : ""}`;
    return `${server} ${transport} s${ports.get(port)} ${type} ${name}${flags}`;
  });
}
