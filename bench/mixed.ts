import { has, missing } from "../test/support/requirements.ts";
import type { Benchmark, Run } from "./benchmark.ts";
import { compilerMissing } from "./compile.ts";
import { answers } from "./load/ask.ts";
import { dnsperf, dnsperfMissing } from "./load/dnsperf.ts";
import { type Cost, costOf, inTurn, spread } from "./measure.ts";
import { DNSMASQ, dnsmasq } from "./peers/dnsmasq.ts";
import { eleven } from "./peers/eleven.ts";
import { type Peer, type Server, server } from "./peers/peer.ts";
import { unbound } from "./peers/unbound.ts";
import { memory } from "./process.ts";
import { percent, table, thousands, times, withRange } from "./report.ts";
import { hosts, queryLines } from "./zone.ts";

const PEERS: readonly Peer[] = [eleven, dnsmasq, unbound];
const UPSTREAM = "127.0.2.1";
const SUFFIX = "upstream.example";
const REGISTRY = hosts(1000).map(({ name }) => name);
/** The upstream gives them a TTL that outlives the run. */
const CACHED = hosts(90, "cached").map(({ name }) => `${name}.${SUFFIX}`);
const CACHED_TTL = 3600;
/** The upstream gives them a TTL of 0, so that each query has to be forwarded. */
const FORWARDED = hosts(100, "forwarded").map(({ name }) => `${name}.${SUFFIX}`);
const QUERIES = 10_000;
const WARM_UP_SECONDS = 1;

interface Measured extends Cost {
  /** Queries that the upstream got for each that was answered. */
  readonly forwarded: number;
}

export const mixed: Benchmark = {
  name: "mixed",
  summary: "90 % registry names, 9 % cached, 1 % forwarded, dnsperf -c 8 -q 200: ours, dnsmasq, unbound",
  missing: () => missing() ?? compilerMissing() ?? dnsperfMissing() ?? dnsmasq.missing() ?? digMissing(),
  async run(run) {
    const { place, rounds, seconds } = run;
    const upstream = startUpstream(run);
    const names = mix();
    const queries = place.write("mixed.queries", queryLines(names));
    const present = PEERS.filter((peer) => peer.missing() === undefined);
    const servers: Server[] = [];
    for (const [index, peer] of present.entries()) {
      const address = `127.0.1.${index + 1}`;
      const started = await peer.start(place, {
        address,
        zone: hosts(REGISTRY.length),
        upstreams: [UPSTREAM],
      });
      servers.push(started);
      await answers(started, queries, names.length);
      await dnsperf(started, queries, WARM_UP_SECONDS);
    }
    const measured = await inTurn(servers, rounds, async (subject): Promise<Measured> => {
      const before = await askedOf(upstream);
      const cost = await costOf(subject, () => dnsperf(subject, queries, seconds));
      const asked = (await askedOf(upstream)) - before;
      run.say(`${subject.name}: ${cost.cpuUs.toFixed(2)} us a query`);
      return { ...cost, forwarded: asked / cost.queries };
    });
    const of = (subject: Server, key: keyof Measured) =>
      spread(measured.get(subject)!.map((measures) => measures[key]));
    const rows = servers.map((subject) => [
      subject.name,
      withRange(of(subject, "cpuUs")),
      times(of(servers[0]!, "cpuUs").median, of(subject, "cpuUs").median),
      thousands(of(subject, "queriesPerSecond").median),
      percent(of(subject, "forwarded").median),
      percent(of(subject, "lost").median),
      memory(subject.pids).rssMib.toFixed(0),
      memory(subject.pids).peakMib.toFixed(0),
    ]);
    const head = [
      "server",
      "CPU us/query",
      "ours/it",
      "queries/s",
      "forwarded",
      "lost",
      "RSS MiB",
      "peak MiB",
    ];
    return [
      `Versions: ${present.map((peer) => `${peer.name} ${peer.version()}`).join(", ")}. The upstream is another dnsmasq, which counts what it is asked ("forwarded").`,
      table(head, rows),
    ].join("\n\n");
  },
};

export const digMissing = () => (has("dig") ? undefined : "needs dig (Debian: bind9-dnsutils)");

/** Of a hundred queries, the first of each ten but one is for a cached name, and the last is forwarded. */
function mix(): string[] {
  let [registry, cached, forwarded] = [0, 0, 0];
  return Array.from({ length: QUERIES }, (_, index) => {
    const place = index % 100;
    if (place === 99) return FORWARDED[forwarded++ % FORWARDED.length]!;
    if (place % 10 === 0 && place < 90) return CACHED[cached++ % CACHED.length]!;
    return REGISTRY[registry++ % REGISTRY.length]!;
  });
}

function startUpstream({ place }: Run): Server {
  const long = CACHED.map((name) => `--host-record=${name},192.0.2.1,${CACHED_TTL}`);
  const none = FORWARDED.map((name) => `--host-record=${name},192.0.2.2,0`);
  const command = [...DNSMASQ, `--listen-address=${UPSTREAM}`, ...long, ...none];
  return server("upstream", place, UPSTREAM, command);
}

/** Queries that the upstream has answered by itself, which are all: dnsmasq tells in class CHAOS. */
export async function askedOf(upstream: Server): Promise<number> {
  const question = [`@${upstream.address}`, "+short", "hits.bind", "CH", "TXT"];
  const { stdout } = await upstream.run("dig", question);
  return Number(/"(\d+)"/.exec(stdout)?.[1]);
}
