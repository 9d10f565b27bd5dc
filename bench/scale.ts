import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { missing } from "../test/support/requirements.ts";
import type { Benchmark, Run } from "./benchmark.ts";
import { changes } from "./changes.ts";
import { compilerMissing } from "./compile.ts";
import { answers, ask } from "./load/ask.ts";
import { dnsperf, dnsperfMissing } from "./load/dnsperf.ts";
import { type Cost, costOf, inTurn, spread } from "./measure.ts";
import { type Eleven, startEleven } from "./peers/eleven.ts";
import { PORT, type Server } from "./peers/peer.ts";
import { startResponder } from "./peers/responder.ts";
import { memory } from "./process.ts";
import { percent, table, thousands, times, withRange } from "./report.ts";
import { fileSource, hosts, nameLines, queryLines } from "./zone.ts";

const COUNTS = [10, 1000, 100_000];
/** With which the others are compared. */
const REFERENCE = 1000;
const CHANGES_PER_SECOND = 100;
/** At the address of ours, which has 53. */
const RESPONDERS_PORT = 5301;
const SINGLE_QUERIES = 20_000;
const WARM_UP_SECONDS = 1;
/** Names are asked in steps of it, lest neighbours in memory be asked one after the other. */
const STRIDE = 7919;

interface Subject {
  readonly records: number;
  readonly server: Server;
  readonly queries: string;
  /** Of ours, if its file source is to change. */
  readonly moving?: Moving;
}

interface Moving {
  readonly eleven: Eleven;
  /** The file source's path. */
  readonly path: string;
}

interface Measured extends Cost {
  readonly p50Us: number;
  readonly p99Us: number;
  /** Names that were given another address. */
  readonly changesPerSecond: number;
}

export const scale: Benchmark = {
  name: "scale",
  summary: "10, 1,000 and 100,000 records, ours with 100 changes a second, too, and C; memory of a record",
  missing: () => missing() ?? compilerMissing() ?? dnsperfMissing(),
  async run(run) {
    const ours: Subject[] = [];
    const responders: Subject[] = [];
    const fresh: number[] = [];
    for (const records of COUNTS) {
      const { still, moving, responder } = await start(run, records);
      fresh.push(memory(still.server.pids).rssMib);
      ours.push(still, moving);
      responders.push(responder);
    }
    const all = [...ours, ...responders];
    for (const { server, queries } of all) await dnsperf(server, queries, WARM_UP_SECONDS);
    const measured = await inTurn(all, run.rounds, (subject) => measure(run, subject));

    const of = (subject: Subject, key: keyof Measured) =>
      spread(measured.get(subject)!.map((measures) => measures[key]));
    const reference = (subject: Subject) =>
      (ours.includes(subject) ? ours : responders).find(
        ({ records, moving }) => records === REFERENCE && moving === undefined,
      )!;
    const rows = all.map((subject) => [
      ours.includes(subject) ? "eleven" : subject.server.name,
      subject.records.toLocaleString("en"),
      of(subject, "changesPerSecond").median.toFixed(0),
      withRange(of(subject, "cpuUs")),
      times(of(subject, "cpuUs").median, of(reference(subject), "cpuUs").median),
      thousands(of(subject, "queriesPerSecond").median),
      withRange(of(subject, "p50Us"), 1),
      withRange(of(subject, "p99Us"), 1),
      percent(of(subject, "lost").median),
      memory(subject.server.pids).rssMib.toFixed(0),
      memory(subject.server.pids).peakMib.toFixed(0),
    ]);
    const head = [
      "server",
      "records",
      "changes/s",
      "CPU us/query",
      `it/its ${REFERENCE.toLocaleString("en")}`,
    ];
    const [least, , most] = ours
      .filter(({ moving }) => moving === undefined)
      .map(({ server }) => memory(server.pids).rssMib);
    const perRecord = (small: number, large: number): string =>
      `${((1024 * (large - small)) / (COUNTS[2]! - COUNTS[0]!)).toFixed(1)} KiB`;
    return [
      "Every name is asked, in no order. What changes is a second file source, and the CPU that takes is in that of the queries.",
      table([...head, "queries/s", "single p50 us", "p99 us", "lost", "RSS MiB", "peak MiB"], rows),
      `Resident memory of ours per record, from the largest and the smallest: ${perRecord(fresh[0]!, fresh[2]!)} as soon as the file is read, with what reading left behind; ${perRecord(least!, most!)} at the end.`,
    ].join("\n\n");
  },
};

async function start(
  { place, say }: Run,
  records: number,
): Promise<Record<"still" | "moving" | "responder", Subject>> {
  say(`${records} records: starting`);
  const zone = hosts(records);
  const name = `eleven-${records}`;
  const address = `127.0.1.${COUNTS.indexOf(records) + 1}`;
  place.write(`${name}.names.yaml`, fileSource(zone));
  // A file source reads its file again whenever something stirs in the folder, and that is not what is measured.
  mkdirSync(join(place.folder, `${name}.changing`));
  const path = place.write(join(`${name}.changing`, "moving.yaml"), changes.first());
  const eleven = await startEleven(place, name, address, {
    listen: [`${address}:${PORT}`],
    sources: [{ file: `${name}.names.yaml` }, { file: path }],
    upstreams: [],
  });
  const mixed = zone.map((_, index) => zone[(index * STRIDE) % zone.length]!.name);
  const queries = place.write(`${name}.queries`, queryLines(mixed));
  await answers(eleven, queries, zone.length);
  const responder = startResponder(place, address, nameLines(zone), [], RESPONDERS_PORT);
  await answers(responder, queries, zone.length);
  const still = { records, server: eleven, queries };
  return {
    still,
    moving: { ...still, moving: { eleven, path } },
    responder: { ...still, server: responder },
  };
}

async function measure({ seconds, say }: Run, subject: Subject): Promise<Measured> {
  const { server, queries, moving, records } = subject;
  const revision = async () =>
    moving === undefined
      ? 0
      : (JSON.parse(await moving.eleven.command("status", "--json")) as { revision: number }).revision;
  const before = await revision();
  const began = performance.now();
  const changer = moving && changes.start(moving.path, CHANGES_PER_SECOND);
  try {
    const cost = await costOf(server, () => dnsperf(server, queries, seconds));
    const one = { names: queries, window: 1, seconds: 0, queries: SINGLE_QUERIES };
    const { p50Us, p99Us } = await ask(server, one);
    const passed = (performance.now() - began) / 1000;
    const revisions = (await revision()) - before;
    say(
      `${server.name}, ${records}${moving !== undefined ? ", changing" : ""}: ${cost.cpuUs.toFixed(2)} us a query`,
    );
    return { ...cost, p50Us, p99Us, changesPerSecond: (revisions * changes.perRevision) / passed };
  } finally {
    changer?.stop();
  }
}
