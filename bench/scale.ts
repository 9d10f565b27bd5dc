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
import { PORT } from "./peers/peer.ts";
import { memory } from "./process.ts";
import { percent, table, thousands, times, withRange } from "./report.ts";
import { fileSource, hosts, queryLines } from "./zone.ts";

const COUNTS = [10, 1000, 100_000];
/** With which the others are compared. */
const REFERENCE = 1000;
const CHANGES_PER_SECOND = 100;
const SINGLE_QUERIES = 20_000;
const WARM_UP_SECONDS = 1;
/** Names are asked in steps of it, lest neighbours in memory be asked one after the other. */
const STRIDE = 7919;

interface Subject {
  readonly records: number;
  readonly isChanging: boolean;
  readonly eleven: Eleven;
  readonly queries: string;
  /** Path of the file source that changes, if it does. */
  readonly changing: string;
}

interface Measured extends Cost {
  readonly p50Us: number;
  readonly p99Us: number;
  /** Names that were given another address. */
  readonly changesPerSecond: number;
}

export const scale: Benchmark = {
  name: "scale",
  summary: "10, 1,000 and 100,000 records, as they are and with 100 changes a second; memory of a record",
  missing: () => missing() ?? compilerMissing() ?? dnsperfMissing(),
  async run(run) {
    const subjects: Subject[] = [];
    const fresh: number[] = [];
    for (const records of COUNTS) {
      const subject = await start(run, records);
      fresh.push(memory(subject.eleven.pids).rssMib);
      subjects.push(subject, { ...subject, isChanging: true });
    }
    for (const { eleven, queries } of subjects) await dnsperf(eleven, queries, WARM_UP_SECONDS);
    const measured = await inTurn(subjects, run.rounds, (subject) => measure(run, subject));

    const of = (subject: Subject, key: keyof Measured) =>
      spread(measured.get(subject)!.map((measures) => measures[key]));
    const reference = of(
      subjects.find(({ records, isChanging }) => records === REFERENCE && !isChanging)!,
      "cpuUs",
    );
    const rows = subjects.map((subject) => [
      subject.records.toLocaleString("en"),
      of(subject, "changesPerSecond").median.toFixed(0),
      withRange(of(subject, "cpuUs")),
      times(of(subject, "cpuUs").median, reference.median),
      thousands(of(subject, "queriesPerSecond").median),
      withRange(of(subject, "p50Us"), 1),
      withRange(of(subject, "p99Us"), 1),
      percent(of(subject, "lost").median),
      memory(subject.eleven.pids).rssMib.toFixed(0),
      memory(subject.eleven.pids).peakMib.toFixed(0),
    ]);
    const head = ["records", "changes/s", "CPU us/query", `it/${REFERENCE.toLocaleString("en")}`];
    const [least, , most] = subjects
      .filter(({ isChanging }) => !isChanging)
      .map(({ eleven }) => memory(eleven.pids).rssMib);
    const perRecord = (small: number, large: number): string =>
      `${((1024 * (large - small)) / (COUNTS[2]! - COUNTS[0]!)).toFixed(1)} KiB`;
    return [
      "Every name is asked, in no order. What changes is a second file source, and the CPU that takes is in that of the queries.",
      table([...head, "queries/s", "single p50 us", "p99 us", "lost", "RSS MiB", "peak MiB"], rows),
      `Resident memory per record, from the largest and the smallest: ${perRecord(fresh[0]!, fresh[2]!)} as soon as the file is read, with what reading left behind; ${perRecord(least!, most!)} at the end.`,
    ].join("\n\n");
  },
};

async function start({ place, say }: Run, records: number): Promise<Subject> {
  say(`${records} records: starting`);
  const zone = hosts(records);
  const name = `eleven-${records}`;
  const address = `127.0.1.${COUNTS.indexOf(records) + 1}`;
  place.write(`${name}.names.yaml`, fileSource(zone));
  // A file source reads its file again whenever something stirs in the folder, and that is not what is measured.
  mkdirSync(join(place.folder, `${name}.changing`));
  const changing = place.write(join(`${name}.changing`, "moving.yaml"), changes.first());
  const eleven = await startEleven(place, name, address, {
    listen: [`${address}:${PORT}`],
    sources: [{ file: `${name}.names.yaml` }, { file: changing }],
    upstreams: [],
  });
  const mixed = zone.map((_, index) => zone[(index * STRIDE) % zone.length]!.name);
  const queries = place.write(`${name}.queries`, queryLines(mixed));
  await answers(eleven, queries, zone.length);
  return { records, isChanging: false, eleven, queries, changing };
}

async function measure({ seconds, say }: Run, subject: Subject): Promise<Measured> {
  const { eleven, queries, isChanging, changing, records } = subject;
  const revision = async () =>
    (JSON.parse(await eleven.command("status", "--json")) as { revision: number }).revision;
  const before = await revision();
  const began = performance.now();
  const changer = isChanging ? changes.start(changing, CHANGES_PER_SECOND) : undefined;
  try {
    const cost = await costOf(eleven, () => dnsperf(eleven, queries, seconds));
    const one = { names: queries, window: 1, seconds: 0, queries: SINGLE_QUERIES };
    const { p50Us, p99Us } = await ask(eleven, one);
    const passed = (performance.now() - began) / 1000;
    const revisions = (await revision()) - before;
    say(`${records}${isChanging ? ", changing" : ""}: ${cost.cpuUs.toFixed(2)} us a query`);
    return { ...cost, p50Us, p99Us, changesPerSecond: (revisions * changes.perRevision) / passed };
  } finally {
    changer?.stop();
  }
}
