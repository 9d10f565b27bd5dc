import { missing } from "../test/support/requirements.ts";
import type { Benchmark, Run } from "./benchmark.ts";
import { compilerMissing } from "./compile.ts";
import { besidesDocker, dockerMissing } from "./inside-docker.ts";
import { answers, ask } from "./load/ask.ts";
import { type Cost, costOf, inTurn, spread } from "./measure.ts";
import { askedOf } from "./mixed.ts";
import { coredns } from "./peers/coredns.ts";
import { DNSMASQ, dnsmasq } from "./peers/dnsmasq.ts";
import { eleven } from "./peers/eleven.ts";
import { type Peer, type Place, type Server, server } from "./peers/peer.ts";
import { unbound } from "./peers/unbound.ts";
import { percent, table, thousands, times, withRange } from "./report.ts";
import { hosts } from "./zone.ts";

const PEERS: readonly Peer[] = [eleven, dnsmasq, unbound, coredns];
const UPSTREAM = "127.0.2.1";
/** In the engine's namespace, where it is the host's nameserver. */
const ENGINES_UPSTREAM = "127.0.0.1";
/** Outstanding: what dnsmasq, and a busy machine's receive buffers, bear without losing any. */
const WINDOW = 50;
/** More than the fastest of them is asked in a second. */
const NAMES_PER_SECOND = 40_000;
const WARM_UP_NAMES = 5000;

export const forward: Benchmark = {
  name: "forward",
  summary:
    "names that nobody has asked for before: CPU of forwarding, ours, dnsmasq, unbound, CoreDNS, Docker",
  missing: () => missing("dig") ?? compilerMissing() ?? dnsmasq.missing(),
  async run(run) {
    const { place } = run;
    const upstream = startUpstream(place, UPSTREAM);
    const present = PEERS.filter((peer) => peer.missing() === undefined);
    const servers: Server[] = [];
    for (const [index, peer] of present.entries()) {
      const address = `127.0.1.${index + 1}`;
      servers.push(await peer.start(place, { address, zone: hosts(1), upstreams: [UPSTREAM] }));
    }
    const versions = present.map((peer) => `${peer.name} ${peer.version()}`);
    const absent = PEERS.filter((peer) => !present.includes(peer)).map(
      (peer) => `${peer.name} (${peer.missing()})`,
    );
    const sections = [await compared(run, servers, place, upstream)];
    for (const started of servers) await started.stop();

    const whyNot = dockerMissing();
    if (whyNot === undefined) {
      const { version, comparison } = await besidesDocker(
        run,
        (pair, _, inEngine) => compared(run, pair, inEngine, startUpstream(inEngine, ENGINES_UPSTREAM)),
        [ENGINES_UPSTREAM],
      );
      versions.push(`Docker engine ${version}`);
      sections.push(`Inside a container's namespace, both at 127.0.0.11:\n\n${comparison}`);
    } else absent.push(`Docker's own resolver (${whyNot})`);

    const notHere = absent.length === 0 ? "" : ` Not here: ${absent.join(", ")}.`;
    return [
      `Versions: ${versions.join(", ")}.${notHere} Each name is asked once, ${WINDOW} queries outstanding; the upstream is another dnsmasq, which counts what it is asked ("forwarded").`,
      ...sections,
    ].join("\n\n");
  },
};

/** Knows every name. */
function startUpstream(place: Place, address: string): Server {
  const any = ["--address=/#/192.0.2.1", "--local-ttl=3600"];
  return server("upstream", place, address, [...DNSMASQ, `--listen-address=${address}`, ...any]);
}

async function compared(
  { rounds, seconds, say }: Run,
  servers: readonly Server[],
  place: Place,
  upstream: Server,
): Promise<string> {
  let batch = 0;
  /** A file of names none of which has been in another. */
  function unasked(count: number): string {
    batch++;
    const lines = Array.from({ length: count }, (_, index) => `n${batch}-${index}.forward.example\n`);
    return place.write("forward.names", lines.join(""));
  }
  async function load(subject: Server, names: string) {
    const asked = await ask(subject, { names, window: WINDOW, seconds, queries: 0 });
    return { queries: asked.answered, lost: asked.lost, seconds: asked.seconds };
  }

  for (const subject of servers) {
    await subject.prepare?.();
    await answers(subject, unasked(1), 1);
    await ask(subject, { names: unasked(WARM_UP_NAMES), window: WINDOW, seconds: 0, queries: WARM_UP_NAMES });
  }
  const measured = await inTurn(servers, rounds, async (subject) => {
    await subject.prepare?.();
    const names = unasked(NAMES_PER_SECOND * seconds);
    const before = await askedOf(upstream);
    const cost = await costOf(subject, () => load(subject, names));
    say(`${subject.name}: ${cost.cpuUs.toFixed(1)} us a query`);
    return { ...cost, forwarded: ((await askedOf(upstream)) - before) / cost.queries };
  });
  const of = (subject: Server, key: keyof Cost | "forwarded") =>
    spread(measured.get(subject)!.map((measures) => measures[key]));
  const rows = servers.map((subject) => [
    subject.name,
    withRange(of(subject, "cpuUs"), 1),
    times(of(servers[0]!, "cpuUs").median, of(subject, "cpuUs").median),
    thousands(of(subject, "queriesPerSecond").median),
    percent(of(subject, "forwarded").median),
    percent(of(subject, "lost").median),
  ]);
  return table(["server", "CPU us/query", "ours/it", "queries/s", "forwarded", "lost"], rows);
}
