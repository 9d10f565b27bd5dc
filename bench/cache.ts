import { missing } from "../test/support/requirements.ts";
import type { Benchmark } from "./benchmark.ts";
import { compilerMissing } from "./compile.ts";
import { answers, ask } from "./load/ask.ts";
import { askedOf } from "./mixed.ts";
import { DNSMASQ, dnsmasq } from "./peers/dnsmasq.ts";
import { eleven } from "./peers/eleven.ts";
import { type Peer, type Server, server } from "./peers/peer.ts";
import { unbound } from "./peers/unbound.ts";
import { cpuSeconds, memory } from "./process.ts";
import { percent, table } from "./report.ts";
import { hosts } from "./zone.ts";

const PEERS: readonly Peer[] = [eleven, unbound];
const UPSTREAM = "127.0.2.1";
/** Outlives the run: what is missed was never asked, or has made room. */
const TTL_SECONDS = 3600;
const NAMES = 50_000;
const QUERIES = 60_000;
/** Of the popularity of names: what resolvers see is between 0.8 and 1. */
const EXPONENT = 0.9;
const WINDOW = 64;
/** The upstream gives these a TTL of 0: asked for over and over, they show what a server takes that caches nothing. */
const UNKEPT = Array.from({ length: 100 }, (_, index) => `unkept-${index}.service.example`);
/** Of what the names would take: one for which everything fits, and two for which it does not. */
const BUDGETS_MIB = [1, 4, 64];
const HEAD = [
  "budget",
  "server",
  "hits",
  "CPU us/query",
  "counted MiB",
  "RSS MiB idle",
  "busy",
  "full",
  "full - busy",
];

export const cache: Benchmark = {
  name: "cache",
  summary: `${QUERIES} queries for ${NAMES} names, Zipf ${EXPONENT}: hit rate and memory with equal budgets, ours and unbound`,
  isByCount: true,
  missing: () => missing("dig", "dnsmasq") ?? compilerMissing() ?? dnsmasq.missing() ?? unbound.missing(),
  async run({ place, say }) {
    const any = [`--address=/#/192.0.2.1`, `--local-ttl=${TTL_SECONDS}`];
    const upstream = server("upstream", place, UPSTREAM, [
      ...DNSMASQ,
      `--listen-address=${UPSTREAM}`,
      ...any,
      ...UNKEPT.map((name) => `--host-record=${name},192.0.2.2,0`),
    ]);
    const trace = zipf(2 * QUERIES);
    const lines = (part: readonly number[]) => part.map((rank) => `name-${rank}.service.example\n`).join("");
    const first = place.write("cache.first", lines(trace.slice(0, QUERIES)));
    const second = place.write("cache.second", lines(trace.slice(QUERIES)));
    const unkept = place.write("cache.unkept", UNKEPT.map((name) => `${name}\n`).join(""));
    const rows: string[][] = [];
    for (const [row, mib] of BUDGETS_MIB.entries()) {
      for (const [index, peer] of PEERS.entries()) {
        const address = `127.0.${10 + row}.${index + 1}`;
        const cacheBytes = mib * 1024 * 1024;
        const subject = await peer.start(place, {
          address,
          zone: hosts(1),
          upstreams: [UPSTREAM],
          cacheBytes,
        });
        await answers(subject, second, 1);
        const load = { window: WINDOW, seconds: 0, queries: QUERIES };
        const idle = await residentMib(subject);
        await ask(subject, { ...load, names: unkept });
        const busy = await residentMib(subject);
        await ask(subject, { ...load, names: first });
        const [before, cpu] = [await askedOf(upstream), cpuSeconds(subject.pids)];
        const { queries } = await ask(subject, { ...load, names: second });
        const missed = (await askedOf(upstream)) - before;
        const cpuUs = ((cpuSeconds(subject.pids) - cpu) * 1e6) / queries;
        const full = await residentMib(subject);
        say(`${mib} MiB, ${peer.name}: ${percent(1 - missed / queries)} hits`);
        const counted = ((await subject.cacheOctets?.()) ?? Number.NaN) / 1024 / 1024;
        rows.push([
          `${mib} MiB`,
          peer.name,
          percent(1 - missed / queries),
          cpuUs.toFixed(1),
          counted.toFixed(1),
          idle.toFixed(0),
          busy.toFixed(0),
          full.toFixed(0),
          (full - busy).toFixed(0),
        ]);
        await subject.stop();
      }
    }
    return [
      `Versions: ${PEERS.map((peer) => `${peer.name} ${peer.version()}`).join(", ")}. Hits are of the second half of the trace; the upstream, a dnsmasq, counts what it is asked. "Busy" is after as many queries for names that no cache keeps. Ours has collected its garbage before its memory is read.`,
      table(HEAD, rows),
    ].join("\n\n");
  },
};

async function residentMib(subject: Server): Promise<number> {
  await subject.collect?.();
  return memory(subject.pids).rssMib;
}

/** Ranks from 1 on, each with a likelihood of rank ** -EXPONENT; the same ones in each run. */
function zipf(count: number): number[] {
  const sums = new Float64Array(NAMES);
  let total = 0;
  for (let rank = 1; rank <= NAMES; rank++) sums[rank - 1] = total += rank ** -EXPONENT;
  let state = 1;
  const random = () => {
    // Mulberry32.
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return Array.from({ length: count }, () => {
    const wanted = random() * total;
    let [low, high] = [0, NAMES - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle]! < wanted) low = middle + 1;
      else high = middle;
    }
    return low + 1;
  });
}
