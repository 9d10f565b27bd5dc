import { missing } from "../test/support/requirements.ts";
import type { Benchmark, Run } from "./benchmark.ts";
import { compilerMissing } from "./compile.ts";
import { besidesDocker, dockerMissing } from "./inside-docker.ts";
import { answers, ask } from "./load/ask.ts";
import { dnsperf, dnsperfMissing } from "./load/dnsperf.ts";
import { type Cost, costOf, inTurn, spread } from "./measure.ts";
import { aardvark } from "./peers/aardvark.ts";
import { coredns } from "./peers/coredns.ts";
import { dnsmasq } from "./peers/dnsmasq.ts";
import { eleven } from "./peers/eleven.ts";
import type { Peer, Server } from "./peers/peer.ts";
import { responder } from "./peers/responder.ts";
import { unbound } from "./peers/unbound.ts";
import { memory } from "./process.ts";
import { percent, table, thousands, times, withRange } from "./report.ts";
import { type Host, hosts, queryLines } from "./zone.ts";

const NAMES = 1000;
const PEERS: readonly Peer[] = [eleven, responder, dnsmasq, unbound, aardvark, coredns];
/** For the latency of a single outstanding query, in each round. */
const SINGLE_QUERIES = 20_000;
/** Before what is counted: for code to be compiled, and caches to be filled. */
const WARM_UP_SECONDS = 1;

/** What a round says of a server. */
interface Measured extends Cost {
  readonly p50Us: number;
  readonly p99Us: number;
}

export const registryNames: Benchmark = {
  name: "registry-names",
  summary:
    "1,000 names, dnsperf -c 8 -q 200 and a single outstanding query: ours, C, other servers, Docker's",
  missing: () => missing() ?? compilerMissing() ?? dnsperfMissing(),
  async run(run) {
    const zone = hosts(NAMES);
    const present = PEERS.filter((peer) => peer.missing() === undefined);
    const sections = [await besidesPeers(run, present, zone)];
    const versions = present.map((peer) => `${peer.name} ${peer.version()}`);
    const absent = PEERS.map((peer) => [peer.name, peer.missing()] as const).filter(
      ([, why]) => why !== undefined,
    );

    const whyNot = dockerMissing();
    if (whyNot === undefined) {
      const { version, names, comparison } = await besidesDocker(run, (pair, names) =>
        compared(run, pair, names),
      );
      versions.push(`Docker engine ${version}`);
      sections.push(
        `Inside a container's namespace, ${names} aliases on one network, both at 127.0.0.11, where ours has taken over from the engine's:\n\n${comparison}`,
      );
    } else absent.push(["Docker's own resolver", whyNot]);

    const notHere = absent.map(([name, why]) => `${name} (${why})`).join(", ");
    return [
      `${NAMES} names. Versions: ${versions.join(", ")}.${notHere === "" ? "" : ` Not here: ${notHere}.`}`,
      ...sections,
    ].join("\n\n");
  },
};

async function besidesPeers(run: Run, peers: readonly Peer[], zone: readonly Host[]): Promise<string> {
  const servers: Server[] = [];
  try {
    for (const [index, peer] of peers.entries())
      servers.push(await peer.start(run.place, { address: `127.0.1.${index + 1}`, zone }));
    const names = zone.map(({ name }) => name);
    return await compared(run, servers, names);
  } finally {
    for (const server of servers) await server.stop();
  }
}

/** Measures the servers in turn; the first is ours, and compared with each. */
async function compared(run: Run, servers: readonly Server[], names: readonly string[]): Promise<string> {
  const { place, rounds, seconds } = run;
  const queries = place.write("registry-names.queries", queryLines(names));
  for (const server of servers) {
    run.say(`${server.name}: warming up`);
    await server.prepare?.();
    await answers(server, queries, names.length);
    await dnsperf(server, queries, WARM_UP_SECONDS);
  }
  const measured = await inTurn(servers, rounds, async (server): Promise<Measured> => {
    await server.prepare?.();
    const cost = await costOf(server, () => dnsperf(server, queries, seconds));
    const one = { names: queries, window: 1, seconds: 0, queries: SINGLE_QUERIES };
    const { p50Us, p99Us } = await ask(server, one);
    run.say(`${server.name}: ${cost.cpuUs.toFixed(2)} us a query, p50 ${p50Us.toFixed(0)} us`);
    return { ...cost, p50Us, p99Us };
  });
  const ours = measured.get(servers[0]!)!;
  const of = (measures: readonly Measured[], key: keyof Measured) =>
    spread(measures.map((measure) => measure[key]));
  const rows = servers.map((server) => {
    const theirs = measured.get(server)!;
    const { rssMib, peakMib } = memory(server.pids);
    return [
      server.name,
      withRange(of(theirs, "cpuUs")),
      times(of(ours, "cpuUs").median, of(theirs, "cpuUs").median),
      thousands(of(theirs, "queriesPerSecond").median),
      withRange(of(theirs, "p50Us"), 1),
      times(of(ours, "p50Us").median, of(theirs, "p50Us").median),
      of(theirs, "p99Us").median.toFixed(1),
      percent(of(theirs, "lost").median),
      rssMib.toFixed(0),
      peakMib.toFixed(0),
    ];
  });
  return table(
    [
      "server",
      "CPU us/query",
      "ours/it",
      "queries/s",
      "single p50 us",
      "ours/it",
      "p99 us",
      "lost",
      "RSS MiB",
      "peak MiB",
    ],
    rows,
  );
}
