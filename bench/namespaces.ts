import { join } from "node:path";
import { missing } from "../test/support/requirements.ts";
import type { Benchmark } from "./benchmark.ts";
import { compilerMissing } from "./compile.ts";
import { answers, ask } from "./load/ask.ts";
import { costOf, inTurn, spread } from "./measure.ts";
import { type Eleven, startEleven } from "./peers/eleven.ts";
import type { Server } from "./peers/peer.ts";
import { startResponder } from "./peers/responder.ts";
import { memory } from "./process.ts";
import { percent, table, thousands, times, withRange } from "./report.ts";
import { type Host, hosts, nameLines } from "./zone.ts";

const COUNTS = [1, 50, 500];
const MOST = Math.max(...COUNTS);
/** A prime, so that each namespace comes to ask each name. */
const NAMES = 503;
const WINDOW = 200;
const AT = "127.0.0.11";
/** In the same namespaces as ours, which has 53. */
const RESPONDERS_FIRST_PORT = 5301;
const WARM_UP_SECONDS = 1;

/** A server, and the namespaces in which it is asked. */
interface Subject {
  readonly server: Server;
  readonly namespaces: readonly string[];
}

export const namespaces: Benchmark = {
  name: "namespaces",
  summary: "1, 50 and 500 attached namespaces asked in turn: the cost of a query, ours and C",
  missing: () => missing() ?? compilerMissing(),
  async run(run) {
    const { world, place, rounds, seconds } = run;
    run.say(`making ${MOST} namespaces`);
    const paths = Array.from({ length: MOST }, (_, index) => world.container(`c${index}`, {}).netns);
    const zone = hosts(NAMES);
    const names = place.write("namespaces.names", nameLines(zone));
    place.write("namespaces.yaml", attachable(zone, paths));
    const eleven = await startEleven(place, "eleven", AT, {
      listen: [],
      sources: [{ file: join(place.folder, "namespaces.yaml") }],
      attach: "none",
      upstreams: [],
    });
    const bare = memory(eleven.pids).rssMib;
    const attached = attaching(eleven, zone);
    await attached(MOST);
    const full = memory(eleven.pids).rssMib;

    const ours = COUNTS.map((count): Subject => {
      const server = { ...eleven, prepare: () => attached(count) };
      return { server, namespaces: paths.slice(0, count) };
    });
    const responders = COUNTS.map((count, index): Subject => {
      const own = paths.slice(0, count);
      const port = RESPONDERS_FIRST_PORT + index;
      return { server: startResponder(place, AT, nameLines(zone), own, port), namespaces: own };
    });
    const all = [...ours, ...responders];
    const load = (subject: Subject, forSeconds: number) =>
      ask(subject.server, {
        names,
        window: WINDOW,
        seconds: forSeconds,
        queries: 0,
        namespaces: subject.namespaces,
      }).then(({ answered, lost, seconds }) => ({ queries: answered, lost, seconds }));

    for (const subject of all) {
      await subject.server.prepare?.();
      await answers(subject.server, names, NAMES, subject.namespaces);
      await load(subject, WARM_UP_SECONDS);
    }
    const measured = await inTurn(all, rounds, async (subject) => {
      await subject.server.prepare?.();
      const cost = await costOf(subject.server, () => load(subject, seconds));
      run.say(`${subject.server.name}, ${subject.namespaces.length}: ${cost.cpuUs.toFixed(2)} us a query`);
      return cost;
    });

    const cpu = (subject: Subject) => spread(measured.get(subject)!.map(({ cpuUs }) => cpuUs));
    const row = (subject: Subject, index: number): string[] => {
      const own = subject.server.pids === eleven.pids ? ours : responders;
      const costs = measured.get(subject)!;
      return [
        subject.server.name,
        String(subject.namespaces.length),
        withRange(cpu(subject)),
        times(cpu(subject).median, cpu(own[0]!).median),
        times(cpu(ours[index % COUNTS.length]!).median, cpu(subject).median),
        thousands(spread(costs.map(({ queriesPerSecond }) => queriesPerSecond)).median),
        percent(spread(costs.map(({ lost }) => lost)).median),
      ];
    };
    const head = ["server", "namespaces", "CPU us/query", "it/its 1", "ours/it", "queries/s", "lost"];
    return [
      `${NAMES} names on one network, ${WINDOW} queries outstanding, one to each namespace in turn (bench/load/ask.c). The C responder waits with epoll on a socket in each of the same namespaces.`,
      table(head, all.map(row)),
      `Memory of ours: ${bare.toFixed(0)} MiB before, ${full.toFixed(0)} MiB with ${MOST} attached (${((1024 * (full - bare)) / MOST).toFixed(0)} KiB each).`,
    ].join("\n\n");
  },
};

/** The first containers have a namespace; the rest are only names. */
function attachable(zone: readonly Host[], paths: readonly string[]): string {
  const container = ({ name, address }: Host, index: number): string => {
    const netns = paths[index] === undefined ? "" : `netns: ${paths[index]}, `;
    return `  ${name}: { ${netns}networks: { shop: { ipv4: ${address} } } }\n`;
  };
  return `networks: { shop: {} }\ncontainers:\n${zone.map(container).join("")}`;
}

/** Makes the first `count` containers those that are attached. */
function attaching(eleven: Eleven, zone: readonly Host[]): (count: number) => Promise<void> {
  let now = 0;
  return async (count) => {
    const changed = zone.slice(Math.min(now, count), Math.max(now, count)).map(({ name }) => name);
    if (changed.length > 0) await eleven.command(count > now ? "attach" : "detach", ...changed);
    now = count;
  };
}
