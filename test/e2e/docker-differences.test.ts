import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import dnsPacket from "dns-packet";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { controlClient } from "../../src/api/client.ts";
import { openNamespace } from "../../src/linux/namespace.ts";
import { type Asked, ask, type Reply, startUpstreams, type Upstream } from "../support/ask.ts";
import { type Eleven, startEleven } from "../support/eleven.ts";
import { type Engine, engineMissing, startEngine, until } from "../support/engine.ts";
import { engineHost } from "../support/engine-host.ts";

/*
 * What is known of Docker's resolver, asked twice in the same container at 127.0.0.11:53: first of that resolver
 * itself, then, with the container attached, of ours. Both are equal in every respect, or a row of
 * docs/differences.md says why they are not; and no row that can be seen here stands there without being true.
 */

/** How an answer came about: from names of containers, from an upstream whatever it said, not at all, or its rcode. */
type Kind = "local" | "nodata" | "upstream" | "silent" | "SERVFAIL" | "REFUSED" | "NXDOMAIN" | Refusal;
type Refusal = "NOTIMP" | "FORMERR" | "BADVERS";

interface Row {
  readonly from: string;
  readonly question: string;
  readonly docker: Kind;
  readonly eleven: Kind;
  /** Which row of docs/differences.md this is; without one, they have to be equal. */
  readonly key?: string;
  /** Wherein, if both answers came about in the same way. */
  readonly differing?: readonly (keyof Aspects)[];
}

/** `questions` are separated by commas. */
const equal = (from: string, kind: Kind, questions: string): Row[] =>
  questions.split(", ").map((question) => ({ from, question, docker: kind, eleven: kind }));

const differs = (
  key: string,
  from: string,
  [docker, eleven]: readonly [Kind, Kind],
  questions: string,
): Row[] => questions.split(", ").map((question) => ({ from, question, docker, eleven, key }));

const differIn = (
  key: string,
  from: string,
  kind: Kind,
  questions: string,
  ...differing: (keyof Aspects)[]
): Row[] => differs(key, from, [kind, kind], questions).map((row) => ({ ...row, differing }));

/** An alias of 20 containers, so long that they don't fit into 512 octets, not even compressed. */
const BIG = ["a", "b", "c"].map((letter) => letter.repeat(63)).join(".");
const BIG_MEMBERS = 20;

const reverse = (address: string, zone = "in-addr.arpa") =>
  `${address.split(".").reverse().join(".")}.${zone} PTR`;
const V6_PTR = `${[..."fd000031000000000000000000000020"].reverse().join(".")}.ip6.arpa PTR`;

const OTHER_TYPES = ["TXT", "SRV", "NS", "SOA", "CNAME", "HTTPS", "SVCB", "DS", "NAPTR", "TYPE999"]
  .map((type) => `web ${type}`)
  .join(", ");

const ROWS: readonly Row[] = [
  // Names. `@web` stands for the short id of web, `@@web` for more of it.
  ...equal("app", "local", "web, web., WEB, wEb., @web, web-host, WEB-HOST, svc, SVC, mixed-case"),
  ...equal("app", "local", "shared, peer, many, www.corp.example, www.corp.example.na, app, app-host"),
  ...equal("app", "local", "web.na, web.na., WEB.na, svc.na, web-host.na, @web.na, shared.na"),
  ...differs("letter-case", "app", ["upstream", "local"], "web.NA, svc.Na, www.corp.example.NA"),
  ...equal("app", "upstream", "web.nb, db, dbsvc, db.nb, six, web.search.example, web.local, @@web"),
  ...equal("app", "upstream", "na, nb, host.docker.internal, x.web, unknown, unknown.na, example.com."),
  ...equal("app", "upstream", "example.com AAAA, example.com MX, example.com TXT, . NS, ExAmPle.com"),
  ...equal("app", "upstream", "example.com TYPE999, example.com HTTPS, _http._tcp.web SRV, sharer, added"),
  ...equal("app", "upstream", "bridged"),
  ...equal("sharer", "local", "web, app, app.na"),
  ...differs("default-bridge", "bridged", ["silent", "upstream"], "example.com"),
  ...differs("localhost", "app", ["upstream", "nodata"], "localhost TXT, localhost MX"),
  ...differs("localhost", "app", ["upstream", "local"], "localhost, localhost AAAA, a.localhost"),
  ...differs("special-use", "app", ["upstream", "NXDOMAIN"], "a.invalid, a.onion, onion"),

  // Types and classes.
  ...equal("app", "nodata", "web AAAA, web MX, web.na AAAA, svc AAAA +bufsize=1232"),
  ...differs("other-types", "app", ["upstream", "nodata"], OTHER_TYPES),
  ...differs("other-types", "app", ["upstream", "nodata"], "svc TXT, web.na SRV"),
  ...differs("any", "app", ["upstream", "local"], "web ANY, svc.na ANY"),
  ...differs("ptr-of-a-name", "app", ["silent", "nodata"], "web PTR"),
  ...differs("class", "app", ["local", "REFUSED"], "web A CH, web A HS"),
  ...equal("app", "upstream", "unknown A CH, unknown A HS, version.bind TXT CH"),
  ...equal("app", "local", "web A CLASS255"),

  // Addresses.
  ...equal("app", "local", `${reverse("172.31.1.20")}, ${reverse("172.31.1.10")}`),
  ...equal("app", "local", reverse("172.31.1.23")),
  ...equal("app", "upstream", `${reverse("172.31.1.1")}, ${reverse("172.31.2.20")}`),
  ...equal("app", "upstream", `${reverse("127.0.0.1")}, ${V6_PTR}`),
  ...equal("app", "upstream", `${reverse("172.31.1.99")}, ${reverse("192.0.2.1")}`),
  ...differs("letter-case", "app", ["silent", "local"], reverse("172.31.1.20", "IN-ADDR.ARPA")),
  ...equal("six", "local", `${V6_PTR}, ${reverse("172.31.3.20")}`),

  // Transports and sizes.
  ...equal("app", "local", "web A +tcp, shared A +tcp, web A +bufsize=512, web A +bufsize=4096"),
  ...equal("app", "local", "many A +tcp"),
  ...equal("app", "nodata", "web AAAA +tcp"),
  ...equal("app", "upstream", "example.com A +bufsize=1232, nxdomain.example A +bufsize=1232"),
  ...differIn("transport-upstream", "app", "upstream", "example.com A +tcp", "asked"),
  ...differIn("transport-upstream", "app", "upstream", "truncated.example A +tcp", "asked"),
  ...equal("app", "local", `${BIG} A +tcp`),
  ...differIn("compression", "app", "local", `${BIG}, ${BIG} A +bufsize=512`, "answers"),
  ...differIn("compression", "app", "local", `${BIG} A +bufsize=1232`, "answers", "flags"),
  ...differIn("compression", "app", "local", `${BIG} A +bufsize=4096`, "answers", "flags"),

  // Headers.
  ...equal("app", "local", "web A +nord, web A +cd, web A +ad, web A +cd +ad +bufsize=1232"),
  ...equal("app", "upstream", "example.com A +nord, example.com A +cd, example.com A +ad"),
  ...differs("notify", "app", ["local", "NOTIMP"], "web A +opcode=4"),
  ...differs("notify", "app", ["upstream", "NOTIMP"], "unknown A +opcode=4"),
  ...equal("app", "NOTIMP", "web A +opcode=5, web A +opcode=2, web A +opcode=2 +nord, web A +opcode=5 +tcp"),
  ...equal("app", "NOTIMP", "web A +opcode=1, web A +opcode=6"),
  ...differIn("bare-response", "app", "NOTIMP", "web A +opcode=5 +ad, web A +opcode=5 +cd", "flags"),
  ...differIn("bare-response", "app", "FORMERR", "web A +qdcount=0 +ad, web A +qdcount=0 +cd", "flags"),
  ...equal("app", "FORMERR", "web A +qdcount=0, web A +qdcount=2, web A +qdcount=0 +nord"),
  ...equal("app", "silent", "web A +qr, web A +cut=11"),
  ...equal("app", "FORMERR", "web A +cut=15"),
  ...differs("edns-version", "app", ["local", "BADVERS"], "web A +edns=1"),
  ...differs("transfers", "app", ["upstream", "REFUSED"], "example.com AXFR +tcp, web AXFR +tcp, web IXFR"),

  // What upstreams say.
  ...equal("app", "upstream", "nxdomain.example, nxdomain.example AAAA, servfail.example"),
  ...differIn("upstream-refuses", "app", "upstream", "refused.example, notimp.example", "rcode"),
  ...equal("app", "upstream", "formerr.example"),
  ...differIn(
    "formerr-upstream",
    "app",
    "upstream",
    "formerr.example A +bufsize=1232",
    "rcode",
    "answers",
    "ttl",
    "edns",
  ),
  ...differIn("tc-upstream", "app", "upstream", "truncated.example", "answers", "ttl", "flags", "asked"),
  ...differIn("upstream-reply", "app", "upstream", "example.com A +nsid", "options"),

  // Links.
  ...equal("linker", "local", "weblink, weblink.na, web, hider, hider.na"),
  ...equal("app", "upstream", "weblink, weblink.na"),
  ...differs("letter-case", "linker", ["upstream", "local"], "WEBLINK"),
  ...equal("linker", "nodata", "weblink AAAA"),

  // Several networks, IPv6.
  ...equal("two", "local", "web, db, both, both.na, both.nb, two, two.na, two.nb, two.x.corp"),
  ...equal("two", "local", `${reverse("172.31.1.20")}, ${reverse("172.31.2.20")}`),
  ...equal("two", "local", `dot.nb, dot, standby, ${reverse("172.31.1.11")}`),
  ...equal("six", "local", "six, six AAAA, v6svc, v6svc AAAA, v6svc.nv6 AAAA, both, both AAAA"),
  ...equal("three", "local", "both, both AAAA, both.na, both.nv6, both.nv6 AAAA, web, six AAAA"),
  ...equal("three", "nodata", "both.na AAAA, web AAAA"),
  ...equal("three", "upstream", "db, both.nb"),
  ...equal("many-nets", "local", "both, both.ai6, both.ai6 AAAA, both.nb"),
  ...differs("family", "many-nets", ["local", "nodata"], "both AAAA"),

  // Internal networks.
  ...equal("inner", "local", `inner-peer, inner-peer.ni, ${reverse("172.31.4.20")}`),
  ...differs("internal", "inner", ["upstream", "SERVFAIL"], `example.com, web, ${reverse("172.31.1.20")}`),
  ...equal("inner-dns", "upstream", "example.com"),
  ...differs("internal", "gone", ["upstream", "SERVFAIL"], "example.com, web"),
  ...equal("half", "upstream", "example.com"),
  ...equal("half", "local", "inner-peer, web"),

  // The life of a container.
  ...differs("stopped", "app", ["upstream", "nodata"], "stopped, halted, stopped.na, made, made AAAA"),
  ...differs("stopped", "app", ["upstream", "nodata"], "killed"),
  ...equal("app", "upstream", reverse("172.31.1.30")),
  ...equal("app", "local", `paused, iced, ${reverse("172.31.1.31")}`),
  ...equal("app", "local", `after, renamed-alias, after.na, ${reverse("172.31.1.32")}`),
  ...equal("app", "upstream", "before, before.na"),
  ...equal("app", "upstream", `gone, gone-alias, gone.na, ${reverse("172.31.1.33")}`),
  ...equal("app", "local", `back, back.na, @back, ${reverse("172.31.1.34")}`),
  ...equal("app", "upstream", "back-alias, removed, removed-alias, late-on-nb"),
  ...equal("app", "local", "late, late-alias, late-alias.na, restarted, restarted-alias"),

  // Upstreams of its own.
  ...equal("dns", "upstream", "example.com, nxdomain.example, servfail.example"),
  ...equal("dns", "local", "web"),
  ...equal("app", "upstream", "again.example, again.example"),
  ...equal("failing", "upstream", "example.com"),
  ...differs("more-than-three", "four", ["silent", "upstream"], "example.com"),
  ...differs("options-and-loopback", "options", ["silent", "upstream"], "example.com, unknown"),
  ...equal("options", "local", "web"),
  ...differs("single-label", "ndots", ["nodata", "upstream"], "unknown, unknown AAAA"),
  ...equal("ndots", "upstream", "unknown TXT, example.com"),
  ...equal("ndots", "local", "web"),
  ...differIn("upstreams-of-a-running-container", "frozen", "upstream", "example.com", "asked"),
];

/** Differences that are in every answer of a kind: expected there, and left out of the comparison. */
const EVERYWHERE: readonly {
  readonly key: string;
  readonly aspect: keyof Aspects;
  readonly docker: string;
  readonly eleven: string;
  readonly where: (row: Row) => boolean;
}[] = [
  { key: "ttl", aspect: "ttl", docker: "600", eleven: "5", where: ({ docker }) => docker === "local" },
  { key: "aa", aspect: "aa", docker: "0", eleven: "1", where: ({ docker }) => isOurs(docker) },
  {
    key: "edns",
    aspect: "edns",
    docker: "none",
    eleven: "version 0",
    where: ({ docker, question }) => isOurs(docker) && /bufsize|edns/.test(question),
  },
];
const reason = engineMissing() ?? otherEngine();

/** The rows are those of one version: later ones are silent where this one is not, and the other way round. */
function otherEngine(): string | undefined {
  const version = /\d+\.\d+/.exec(execFileSync("dockerd", ["--version"], { encoding: "utf8" }))?.[0];
  return version === "20.10" ? undefined : `needs Docker 20.10, whose answers are known here, not ${version}`;
}

const isOurs = (kind: Kind): boolean => kind === "local" || kind === "nodata";

const SILENCE_MS = 1000;
/** More than Docker's resolver waits for one dead upstream. */
const PATIENCE_MS = 8000;

/** In the engine's own network. */
const UPSTREAMS = {
  "127.0.0.1": "willing",
  "10.99.0.1": "willing",
  "10.99.0.3": "failing",
  "10.99.0.9": "silent",
} as const;
const NOBODY = ["10.99.0.11", "10.99.0.12", "10.99.0.13"];

/** What can be compared of an answer, each apart from the others. */
interface Aspects {
  readonly kind: string;
  readonly rcode: string;
  readonly opcode: string;
  readonly question: string;
  /** Name as echoed, type, class and data, sorted; how many there are if it is truncated. */
  readonly answers: string;
  readonly authority: string;
  readonly ttl: string;
  readonly aa: string;
  readonly flags: string;
  readonly edns: string;
  readonly options: string;
  /** Who of the upstreams was asked, by whom, over which transport. */
  readonly asked: string;
}

describe.skipIf(reason)(`Docker's resolver and ours${reason === undefined ? "" : ` (${reason})`}`, () => {
  let engine: Engine;
  let eleven: Eleven;
  let upstream: Upstream;
  const pids = new Map<string, number>();
  const ids = new Map<string, string>();
  const seen = { docker: new Map<Row, Aspects>(), eleven: new Map<Row, Aspects>() };
  const slow: Record<keyof typeof seen, number[]> = { docker: [], eleven: [] };
  /** Whether a program listens at the very address, by pass. */
  const listens: Partial<Record<keyof typeof seen, boolean>> = {};

  beforeAll(async () => {
    const loopback = "nameserver 127.0.0.1\nsearch search.example\n";
    engine = await startEngine({ resolvConf: loopback });
    for (const address of Object.keys(UPSTREAMS).slice(1))
      await engine.enter("ip", ["address", "add", `${address}/32`, "dev", "lo"]);
    for (const address of NOBODY) await engine.enter("ip", ["address", "add", `${address}/32`, "dev", "lo"]);
    const holder = engine.namespaces[0]?.replace("--target=", "");
    const namespace = openNamespace(`/proc/${holder}/ns/net`);
    upstream = startUpstreams(namespace, UPSTREAMS);
    // The cache has a test of its own: most rows ask for the same name.
    eleven = await startEleven(engineHost(engine), `${configuration()}cache: false\n`);
    await makeContainers(engine, loopback);
    const clients = [...new Set(ROWS.map(({ from }) => from)), "dead"];
    for (const client of clients) pids.set(client, await engine.pidOf(client));
    for (const name of ["web", "back"]) ids.set(name, await idOf(name));
    await pass("docker");
    const control = controlClient(eleven.socket);
    await until("all is told", async () => {
      const names = (await control.records({ network: "na" })).map(({ name }) => name);
      return names.includes("after") && !names.includes("gone");
    });
    const { failed, done } = await control.attach(clients);
    expect({ failed, done: [...done].sort() }).toEqual({ failed: [], done: clients.sort() });
    await pass("eleven");
  });

  afterAll(async () => {
    upstream?.close();
    // A frozen process can't be ended.
    await engine?.docker("unpause", "paused").catch(() => undefined);
    await engine?.destroy();
  });

  const configuration = () => `listen: []\nsources: [{ docker: ${engine.host} }]\nattach: none\n`;

  const idOf = (name: string) => engine.docker("inspect", "--format", "{{.Id}}", name);

  async function pass(who: keyof typeof seen): Promise<void> {
    // It takes its time, and is told from the others by its name.
    const dead = (async () => {
      for (const name of ["one.slow.example", "two.slow.example"]) {
        const { octets, ms } = await put("dead", name, PATIENCE_MS);
        if (octets === undefined) throw new Error(`No answer through a dead upstream: ${who}`);
        slow[who].push(ms);
      }
    })();
    for (const row of ROWS) {
      const question = row.question.replace(/^(@@?)(\w+)/, (_, at: string, name: string) =>
        ids.get(name)!.slice(0, at === "@" ? 12 : 20),
      );
      const before = upstream.asked.length;
      const reply = await put(row.from, question, row[who] === "silent" ? SILENCE_MS : PATIENCE_MS);
      const asked = upstream.asked.slice(before).filter(({ name }) => !isAside(name));
      seen[who].set(row, aspectsOf(reply, asked));
    }
    listens[who] = readFileSync(`/proc/${pids.get("app")}/net/tcp`, "utf8").includes(AT_OUR_ADDRESS);
    await dead;
  }

  async function put(from: string, question: string, timeoutMs: number): Promise<Reply> {
    const namespace = openNamespace(`/proc/${pids.get(from)}/ns/net`);
    try {
      return await ask(namespace, question, timeoutMs);
    } finally {
      namespace.close();
    }
  }

  test.each(ROWS.map((row) => [titleOf(row), row] as const))("%s", (_, row) => {
    const [docker, eleven] = [seen.docker.get(row)!, seen.eleven.get(row)!];
    expect(`${docker.kind}, ${eleven.kind}`).toBe(`${row.docker}, ${row.eleven}`);
    // An answer that came about in another way is another one.
    if (row.docker !== row.eleven) return;
    const masked = EVERYWHERE.filter(({ where }) => where(row));
    for (const { aspect, ...values } of masked)
      expect([aspect, docker[aspect], eleven[aspect]]).toEqual([aspect, values.docker, values.eleven]);
    const without = new Set(masked.map(({ aspect }) => aspect));
    const differing = (Object.keys(docker) as (keyof Aspects)[]).filter(
      (aspect) => !without.has(aspect) && docker[aspect] !== eleven[aspect],
    );
    const seenToDiffer = differing.map((aspect) => `${aspect}: ${docker[aspect]} -> ${eleven[aspect]}`);
    if (row.key === undefined) expect(seenToDiffer.join("\n")).toBe("");
    else expect(differing, seenToDiffer.join("\n")).toEqual(row.differing);
  });

  test("a dead first upstream costs Docker's resolver its time for every query, and ours not for the second", () => {
    expect(Math.min(...slow.docker)).toBeGreaterThan(4 * slow.eleven[1]!);
  });

  test("Docker's resolver listens elsewhere, ours at the very address", () => {
    expect(listens).toEqual({ docker: false, eleven: true });
  });

  test("the host's upstreams are asked from the host, where Docker asks from the container", async () => {
    const row = ROWS.find(({ key }) => key === "upstreams-of-a-running-container")!;
    expect(seen.docker.get(row)?.asked).toBe("10.99.0.1 by 172.31.1.18 over udp");
    engine.setResolvConf("nameserver 10.99.0.1\n");
    await until("the host's file is read anew", async () => {
      await put("frozen", "example.com", PATIENCE_MS);
      return upstream.asked.at(-1)?.to === "10.99.0.1";
    });
    expect(upstream.asked.at(-1)).toMatchObject({ from: "10.99.0.1", transport: "udp" });
  });

  test("what upstreams said is kept, where Docker asks for each", async () => {
    engineHost(engine).write("eleven.yaml", `socket: ${eleven.socket}\n${configuration()}`);
    eleven.process.kill("SIGHUP");
    const asked = async () => {
      const before = upstream.asked.length;
      await put("app", "kept.example", PATIENCE_MS);
      return upstream.asked.slice(before).some(({ name }) => name === "kept.example");
    };
    await until("it is kept", async () => !(await asked()));
    expect(await asked()).toBe(false);
  });

  test("docs/differences.md has each difference that was seen, and no other among those to be seen", () => {
    const inRows = ROWS.map(({ key }) => key).filter((key) => key !== undefined);
    const keys = [...inRows, ...EVERYWHERE.map(({ key }) => key), ...APART];
    expect(documented()).toEqual([...new Set(keys)].sort());
  });
});

/** Those that have a test of their own. */
const APART = ["upstream-order", "port-53", "asked-from", "cache"];

/** Asked for in the background: by the test itself, and by ours to find out whether an upstream leads back to it. */
function isAside(name: string): boolean {
  return name.endsWith(".slow.example") || name.endsWith(".loop-test.eleven");
}

/** A listener at 127.0.0.11:53, as /proc has it. */
const AT_OUR_ADDRESS = "0B00007F:0035 00000000:0000 0A";

/** Keys in the first column of the first table of docs/differences.md. */
function documented(): string[] {
  const path = fileURLToPath(new URL("../../docs/differences.md", import.meta.url));
  const [, seen = ""] = readFileSync(path, "utf8").split(/^## .*$/m);
  return [...seen.matchAll(/^\| `([\w-]+)`/gm)].map(([, key]) => key!).sort();
}

function titleOf({ from, question, docker, eleven, key }: Row): string {
  const asked = `${from} asks ${question.replace(BIG, "BIG")}`;
  return key === undefined ? `${asked}: ${docker}` : `${asked}: ${docker}, here ${eleven} (${key})`;
}

function aspectsOf({ octets }: Reply, log: readonly Asked[]): Aspects {
  const asked = [
    ...new Set(log.map(({ to, from, transport }) => `${to} by ${from} over ${transport}`)),
  ].sort();
  const none = {
    rcode: "",
    opcode: "",
    question: "",
    answers: "",
    authority: "",
    ttl: "",
    aa: "",
    flags: "",
  };
  const common = { edns: "none", options: "", asked: asked.join(", ") };
  if (octets === undefined) return { kind: "silent", ...none, ...common };
  const {
    answers = [],
    authorities = [],
    additionals = [],
    questions = [],
    ...header
  } = dnsPacket.decode(octets);
  const opt = additionals.find((record) => record.type === "OPT") as dnsPacket.OptAnswer | undefined;
  const bit = (mask: number) => ((octets.readUInt16BE(2) & mask) === 0 ? "0" : "1");
  const rcode = rcodeOf(octets[3]! & 15, opt);
  const ttls = answers.map((record) => ("ttl" in record ? String(record.ttl) : ""));
  const isCut = bit(0x0200) === "1";
  const byNobody = rcode !== "NOERROR" ? rcode : answers.length > 0 ? "local" : "nodata";
  return {
    kind: asked.length > 0 ? "upstream" : byNobody,
    rcode,
    opcode: String((octets[2]! >> 3) & 15),
    question: questions.map(({ name, type }) => `${name} ${type}`).join(),
    answers: isCut ? String(answers.length) : answers.map(textOf).sort().join("; "),
    authority: authorities.map(textOf).sort().join("; "),
    ttl: [...new Set(ttls)].join(),
    aa: bit(0x0400),
    flags: `tc ${bit(0x0200)}, rd ${bit(0x0100)}, ra ${bit(0x80)}, ad ${bit(0x20)}, cd ${bit(0x10)}, ${header.type}`,
    edns: opt === undefined ? "none" : `version ${opt.ednsVersion}`,
    options: opt === undefined ? "" : opt.options.map(({ code }) => String(code)).join(),
    asked: common.asked,
  };
}

const RCODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

function rcodeOf(low: number, opt: dnsPacket.OptAnswer | undefined): string {
  const rcode = low | ((opt?.extendedRcode ?? 0) << 4);
  return rcode === 16 ? "BADVERS" : (RCODES[rcode] ?? String(rcode));
}

function textOf(record: dnsPacket.Answer): string {
  return `${record.name} ${record.type} ${JSON.stringify("data" in record ? record.data : "")}`;
}

/** Three rounds: what others need first, all the rest at once, and what becomes of some of them. */
async function makeContainers({ docker, setResolvConf }: Engine, resolvConf: string): Promise<void> {
  const network = (name: string, number: number, ...rest: string[]) => {
    const subnet = `172.31.${number}.0/24`;
    return docker(
      "network",
      "create",
      `--subnet=${subnet}`,
      `--ip-range=172.31.${number}.128/25`,
      ...rest,
      name,
    );
  };
  const run =
    (name: string, on: string, address: string, ...rest: string[]) =>
    () =>
      docker(
        "run",
        "--detach",
        `--name=${name}`,
        `--network=${on}`,
        `--ip=172.31.${address}`,
        ...rest,
        "bb:1",
      );
  const alias = (name: string) => `--network-alias=${name}`;
  const dns = (...servers: string[]) => servers.map((server) => `--dns=${server}`);

  await network("na", 1);
  await network("nb", 2);
  await network("nv6", 3, "--ipv6", "--subnet=fd00:31::/64");
  await network("ni", 4, "--internal");
  await network("x.corp", 5);
  await network("ai6", 6, "--internal", "--ipv6", "--subnet=fd00:36::/64");
  setResolvConf("nameserver 10.99.0.1\n");
  await run("frozen", "na", "1.18")();
  setResolvConf(resolvConf);
  await run("web", "na", "1.20", "--hostname=web-host", ...["svc", "shared", "both"].map(alias))();
  await few([
    run("app", "na", "1.10", "--hostname=app-host", "--add-host=added:192.0.2.9"),
    run("two", "nb", "2.10"),
    run("linker", "na", "1.12", "--link=web:weblink", "--link=web:hider"),
    run("dns", "na", "1.13", ...dns("10.99.0.1")),
    run("failing", "na", "1.14", ...dns("10.99.0.3", "10.99.0.1")),
    run("dead", "na", "1.15", ...dns("10.99.0.9", "10.99.0.1")),
    run("four", "na", "1.16", ...dns(...NOBODY, "10.99.0.1")),
    run("ndots", "na", "1.17", "--dns-opt=ndots:5", ...dns("10.99.0.1")),
    run("options", "na", "1.19", "--dns-search=other.example"),
    () => docker("run", "--detach", "--name=bridged", "bb:1"),
    run("web2", "na", "1.21", alias("shared"), alias("peer")),
    run("peer", "na", "1.22"),
    run("hider", "na", "1.28"),
    run("dot.nb", "na", "1.29"),
    run("many-nets", "na", "1.27"),
    run("ai6-member", "ai6", "6.20", "--ip6=fd00:36::20", alias("both")),
    run("www.corp.example", "na", "1.23"),
    run("Mixed-Case", "na", "1.24"),
    run("db", "nb", "2.20", ...["dbsvc", "both", "dot", "standby"].map(alias)),
    run("six", "nv6", "3.20", "--ip6=fd00:31::20", alias("v6svc"), alias("both")),
    run("three", "na", "1.25"),
    run("inner", "ni", "4.10"),
    run("inner-peer", "ni", "4.20"),
    run("inner-dns", "ni", "4.11", ...dns("10.99.0.1")),
    run("half", "ni", "4.12"),
    () => docker("run", "--detach", "--name=sharer", "--network=container:web", "bb:1"),
    () => docker("create", "--name=made", "--network=na", "bb:1"),
    run("stopped", "na", "1.30", alias("halted"), alias("standby")),
    run("killed", "na", "1.36"),
    run("paused", "na", "1.31", alias("iced")),
    run("before", "na", "1.32", alias("renamed-alias")),
    run("gone", "na", "1.33", alias("gone-alias")),
    run("back", "na", "1.34", alias("back-alias")),
    run("restarted", "na", "1.35", alias("restarted-alias")),
    run("removed", "na", "1.37", alias("removed-alias")),
    run("late", "nb", "2.38", alias("late-on-nb")),
    ...Array.from({ length: BIG_MEMBERS }, (_, index) =>
      run(`big-${index}`, "na", `1.${50 + index}`, alias(BIG), alias("many")),
    ),
  ]);
  const connect = (on: string, name: string, address: string, ...rest: string[]) =>
    docker("network", "connect", `--ip=172.31.${address}`, ...rest, on, name);
  const reconnect = async () => {
    await docker("network", "disconnect", "na", "back");
    await connect("na", "back", "1.34");
  };
  const connectTwo = async () => {
    await connect("x.corp", "two", "5.10");
    await connect("na", "two", "1.11");
  };
  const connectMany = async () => {
    await connect("ai6", "many-nets", "6.10");
    await connect("nb", "many-nets", "2.27");
  };
  await Promise.all([
    connectTwo(),
    connectMany(),
    reconnect(),
    connect("nv6", "three", "3.25"),
    connect("na", "half", "1.26"),
    connect("na", "late", "1.38", "--alias=late-alias"),
    docker("stop", "stopped"),
    docker("kill", "killed"),
    docker("pause", "paused"),
    docker("rename", "before", "after"),
    docker("network", "disconnect", "na", "gone"),
    docker("restart", "restarted"),
    docker("rm", "--force", "removed"),
  ]);
}

const AT_ONCE = 4;

async function few(tasks: readonly (() => Promise<unknown>)[]): Promise<void> {
  const left = [...tasks];
  const work = async () => {
    for (let task = left.shift(); task !== undefined; task = left.shift()) await task();
  };
  await Promise.all(Array.from({ length: AT_ONCE }, work));
}
