import { engineMissing } from "../test/support/engine.ts";
import { type LookUp, type Lookup, lookupsIn, type Stub } from "../test/support/lookups.ts";
import { missing } from "../test/support/requirements.ts";
import type { Benchmark } from "./benchmark.ts";
import { compilerMissing } from "./compile.ts";
import { type Asked, dockerEngine, hostForwarders, ours, type Running, straight } from "./faults/asked.ts";
import { faults as allFaults, type Fault, stubsOf } from "./faults/fault.ts";
import { openScene } from "./faults/scene.ts";
import { dnsmasq } from "./peers/dnsmasq.ts";
import { eleven } from "./peers/eleven.ts";
import { unbound } from "./peers/unbound.ts";
import { table } from "./report.ts";

const LOOKUPS = 200;
const QUICK_LOOKUPS = 40;
const CONTAINERS = 50;
const DOCKER_CONTAINERS = 20;
/** Of one program. Node has two threads for this (half of libuv's four): with more, its own queue would be measured. */
const AT_ONCE: Readonly<Record<Stub, number>> = { glibc: 16, musl: 16, node: 2 };
/** Lookups after which a program that compiles itself while it runs has done so. */
const WARM_UP = 2000;
const BEGIN_MS = 6000;
const END_MS = 14_000;

export const faults: Benchmark = {
  name: "faults",
  summary:
    "lookups of glibc, musl and Node over 1 s for each fault: ours, dnsmasq, unbound, Docker, straight",
  isByCount: true,
  missing: () =>
    missing("nft", "sysctl", "musl-gcc") ?? compilerMissing() ?? dnsmasq.missing() ?? unbound.missing(),
  async run({ world, place, say, isQuick }) {
    say(`making ${CONTAINERS} containers`);
    const scene = await openScene(world, CONTAINERS);
    const lookUp = lookupsIn(world.folder, ["glibc", "musl"]);
    say("starting a Docker engine");
    const engine = await dockerEngine(scene, DOCKER_CONTAINERS);
    try {
      const all = [
        straight(scene),
        ...hostForwarders(scene, place),
        ...(engine ? [engine.asked] : []),
        ours(scene, place),
      ];
      const rows: string[][] = [];
      for (const fault of allFaults) {
        const count = (isQuick ? QUICK_LOOKUPS : LOOKUPS) * (fault.times ?? 1);
        const present = all.filter(({ name }) => name !== "straight" || !fault.isRegistry);
        const endClash = fault.isClash ? await scene.clash() : undefined;
        const seen = await underFault({ fault, count, present, lookUp, restart: scene.restart });
        await endClash?.();
        for (const stub of stubsOf(fault)) {
          const cells = all.map((asked) => seen.get(asked)?.get(stub)).map((lookups) => cell(lookups, fault));
          rows.push([fault.title, seconds(fault.slowMs), stub, ...cells]);
          say(rows.at(-1)!.join(" | "));
        }
      }
      const peers = [dnsmasq, unbound, eleven].map((peer) => `${peer.name} ${peer.version()}`);
      const versions = [...peers, ...(engine ? [`Docker engine ${engine.version}`] : [])].join(", ");
      const absent = engine ? "" : ` The Docker engine ${engineMissing()}.`;
      return [
        `Versions: ${versions}; the stubs are this machine's.${absent}`,
        `In each cell: lookups that took longer than the bound, of how many; those that gave no address, and those that gave only one family of the two there are; the slowest. "Straight" has the upstreams in resolv.conf. musl does not believe a SERVFAIL, and waits for its 5 s, whatever it gets.`,
        table(["fault", "bound", "stub", ...all.map(({ name }) => name)], rows),
      ].join("\n\n");
    } finally {
      await engine?.close();
    }
  },
};

/** All of them at once: they share upstreams, which have learnt nothing, and wait most of the time. */
async function underFault({
  fault,
  count,
  present,
  lookUp,
  restart,
}: {
  fault: Fault;
  count: number;
  present: readonly Asked[];
  lookUp: LookUp;
  restart(): Promise<void>;
}): Promise<ReadonlyMap<Asked, ReadonlyMap<Stub, readonly Lookup[]>>> {
  const running = new Map<Asked, Running>();
  for (const asked of present) running.set(asked, await asked.start(fault));
  const { pattern, pauseMs = 0, atOnce, isWarm } = fault;
  const common = { pattern, pauseMs, beginMs: BEGIN_MS, endMs: END_MS };

  async function askedBy(stub: Stub, { run, nameservers, namespaces }: Running) {
    const load =
      atOnce === undefined ? { count, atOnce: AT_ONCE[stub] } : { count: atOnce, atOnce, namespaces };
    // Each stub's names are its own, or the cache would answer the later ones.
    const names = fault.isRegistry ? pattern : pattern.replace("%d", `%d.${stub}`);
    return [stub, await lookUp(stub, run, { ...common, ...load, nameservers, pattern: names })] as const;
  }
  async function allStubs(it: Running) {
    if (atOnce === undefined)
      return new Map(await Promise.all(stubsOf(fault).map((stub) => askedBy(stub, it))));
    const seen = new Map<Stub, readonly Lookup[]>();
    for (const stub of stubsOf(fault)) seen.set(...(await askedBy(stub, it)));
    return seen;
  }

  const before = { pattern: "before-%d.faults.example", count: WARM_UP, atOnce: AT_ONCE.glibc };
  for (const { run, nameservers } of isWarm ? running.values() : [])
    await lookUp("glibc", run, { ...common, ...before, nameservers });
  const results = new Map<Asked, ReadonlyMap<Stub, readonly Lookup[]>>();
  const restarted = pauseMs > 0 ? restart() : undefined;
  // A thousand at a moment are a load on the machine, and are not to be one on each other.
  if (atOnce !== undefined) for (const [asked, it] of running) results.set(asked, await allStubs(it));
  else await Promise.all([...running].map(async ([asked, it]) => results.set(asked, await allStubs(it))));
  await restarted;
  for (const it of running.values()) await it.stop();
  return results;
}

function cell(lookups: readonly Lookup[] | undefined, { slowMs, isRegistry }: Fault): string {
  if (lookups === undefined) return "-";
  const slow = lookups.filter(({ ms }) => ms > slowMs).length;
  const failed = lookups.filter(({ error }) => error !== null).length;
  const halved = lookups.filter(({ error, v4, v6 }) => error === null && v4 !== v6).length;
  const slowest = Math.max(...lookups.map(({ ms }) => ms));
  const isCut = lookups.some(({ error }) => error === "unfinished");
  return `${slow} of ${lookups.length}; ${failed}; ${isRegistry ? 0 : halved}; ${isCut ? "> " : ""}${seconds(slowest)}`;
}

const seconds = (ms: number): string => `${(ms / 1000).toFixed(ms < 1000 ? 2 : 1)} s`;
