import { missing } from "../test/support/requirements.ts";
import type { Benchmark, Run } from "./benchmark.ts";
import { compilerMissing } from "./compile.ts";
import { answers } from "./load/ask.ts";
import { dnsperf, dnsperfMissing } from "./load/dnsperf.ts";
import { costOf, inTurn, spread } from "./measure.ts";
import { askedOf, digMissing } from "./mixed.ts";
import { DNSMASQ, dnsmasq } from "./peers/dnsmasq.ts";
import { eleven } from "./peers/eleven.ts";
import { type Peer, type Server, server } from "./peers/peer.ts";
import { unbound } from "./peers/unbound.ts";
import { percent, table, thousands, times, withRange } from "./report.ts";
import { hosts, queryLines } from "./zone.ts";

const PEERS: readonly Peer[] = [eleven, dnsmasq, unbound];
const UPSTREAM = "127.0.2.1";
const NAMES = 1000;
/** As long as the cached ones, so that both kinds of answers have as many octets. */
const OWN = hosts(NAMES).map(({ name, address }) => ({ name: `${name}.shop`, address }));
const CACHED = hosts(NAMES, "web", 77).map(({ name, address }) => ({ name: `${name}.site`, address }));
/** Outlives the run. */
const CACHED_TTL = 3600;
const WARM_UP_SECONDS = 1;

interface Measured {
  readonly ownUs: number;
  readonly cachedUs: number;
  readonly queriesPerSecond: number;
  readonly lost: number;
  /** Queries that the upstream got for each for a cached name. */
  readonly forwarded: number;
}

export const cachedNames: Benchmark = {
  name: "cached-names",
  summary:
    "1,000 names known from an upstream, and 1,000 of its own, dnsperf -c 8 -q 200: ours, dnsmasq, unbound",
  missing: () => missing() ?? compilerMissing() ?? dnsperfMissing() ?? dnsmasq.missing() ?? digMissing(),
  async run(run) {
    const { place, rounds, seconds } = run;
    const upstream = startUpstream(run);
    const own = place.write("own.queries", queryLines(OWN.map(({ name }) => name)));
    const cached = place.write("cached.queries", queryLines(CACHED.map(({ name }) => name)));
    const present = PEERS.filter((peer) => peer.missing() === undefined);
    const servers: Server[] = [];
    for (const [index, peer] of present.entries()) {
      const address = `127.0.1.${index + 1}`;
      const started = await peer.start(place, { address, zone: OWN, upstreams: [UPSTREAM] });
      servers.push(started);
      for (const queries of [own, cached]) {
        await answers(started, queries, NAMES);
        await dnsperf(started, queries, WARM_UP_SECONDS);
      }
    }
    const measured = await inTurn(servers, rounds, async (subject): Promise<Measured> => {
      const registry = await costOf(subject, () => dnsperf(subject, own, seconds));
      const before = await askedOf(upstream);
      const cost = await costOf(subject, () => dnsperf(subject, cached, seconds));
      const asked = (await askedOf(upstream)) - before;
      run.say(
        `${subject.name}: own ${registry.cpuUs.toFixed(2)}, cached ${cost.cpuUs.toFixed(2)} us a query`,
      );
      const { cpuUs: cachedUs, queriesPerSecond, lost, queries } = cost;
      return { ownUs: registry.cpuUs, cachedUs, queriesPerSecond, lost, forwarded: asked / queries };
    });
    const of = (subject: Server, key: keyof Measured) =>
      spread(measured.get(subject)!.map((measures) => measures[key]));
    const rows = servers.map((subject) => [
      subject.name,
      withRange(of(subject, "ownUs")),
      withRange(of(subject, "cachedUs")),
      times(of(subject, "cachedUs").median, of(subject, "ownUs").median),
      times(of(servers[0]!, "cachedUs").median, of(subject, "cachedUs").median),
      thousands(of(subject, "queriesPerSecond").median),
      percent(of(subject, "forwarded").median),
      percent(of(subject, "lost").median),
    ]);
    const head = [
      "server",
      "own CPU us/query",
      "cached CPU us/query",
      "cached/own",
      "ours/it",
      "queries/s",
      "forwarded",
      "lost",
    ];
    return [
      `Versions: ${present.map((peer) => `${peer.name} ${peer.version()}`).join(", ")}. The upstream is another dnsmasq, which counts what it is asked ("forwarded"). "ours/it" and what stands behind it are of cached names.`,
      table(head, rows),
    ].join("\n\n");
  },
};

function startUpstream({ place }: Run): Server {
  const records = CACHED.map(({ name, address }) => `--host-record=${name},${address},${CACHED_TTL}`);
  return server("upstream", place, UPSTREAM, [...DNSMASQ, `--listen-address=${UPSTREAM}`, ...records]);
}
