import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { seededRandom } from "../../test/fuzz/mutate.ts";
import { bundle } from "../../test/support/bundle.ts";
import {
  bodyWord,
  bodyWords,
  Control,
  KEYS,
  type Race,
  raceKey,
  type Seen,
} from "../../test/support/race-entries.ts";
import { answerTable, tableMemory } from "./answer-table.ts";
import { quiescence } from "./quiescence.ts";
import { STAMPS_OCTETS, stamps } from "./stamps.ts";

const SECONDS = Number(process.env.ELEVEN_RACE_SECONDS ?? 3);
const READERS = 2;
/** Room for some 250 of the 512 keys: what is read is written over all the time. */
const OCTETS = 64 * 1024;
/** Steps of the writer before others of this thread's work get their turn. */
const A_TURN = 1000;
const PAUSE_MS = 0.05;

test("readers that race with a writer find whole answers that hold, and nothing else", {
  timeout: 1000 * (SECONDS + 30),
}, async () => {
  const race: Race = {
    table: tableMemory(OCTETS, new SharedArrayBuffer(STAMPS_OCTETS)),
    controls: Array.from({ length: READERS }, () => new SharedArrayBuffer(4 * Control.WORDS)),
    least: new SharedArrayBuffer(4 * KEYS),
  };
  const controls = race.controls.map((memory) => new Int32Array(memory));
  const table = answerTable(race.table, quiescence(controls));
  const moments = stamps(race.table.stamps, () => table.clear());
  const least = new Uint32Array(race.least);
  const keys = Array.from({ length: KEYS }, (_, number) => raceKey(number));
  const random = seededRandom(Number(process.hrtime.bigint() & 0xffff_ffffn));
  const did = { kept: 0, refused: 0, touched: 0, cleared: 0 };
  const never = new Int32Array(new SharedArrayBuffer(4));
  let serial = 0;
  /** One that was begun some time ago, and is put only now. */
  let begun = { number: 0, serial: 0, moment: 0 };

  function put({ number, serial: own, moment }: typeof begun): void {
    const { words, ...key } = keys[number]!;
    const length = bodyWords(number, own);
    const isKept = table.put(
      {
        ...key,
        key: words,
        keyWords: words.length,
        moment,
        bodyOctets: 4 * length,
        expires: Number.POSITIVE_INFINITY,
        stored: 0,
        write(to, _, body) {
          for (let place = 0; place < length; place++) to[body + place] = bodyWord(number, own, place);
        },
      },
      0,
    );
    did[isKept ? "kept" : "refused"] += 1;
    // Readers that were held up while they work get a chance to go on.
    if (!isKept) Atomics.wait(never, 0, 0, PAUSE_MS);
  }

  function step(): void {
    serial += 1;
    const number = random(KEYS);
    const kind = random(10_000);
    if (kind < 8000) put({ number, serial, moment: moments.now() });
    else if (kind < 8500) begun = { number, serial, moment: moments.now() };
    else if (kind < 9000) put(begun);
    else if (kind < 9998) {
      did.touched += 1;
      moments.touch([keys[number]!.tag]);
      // Now that it has been made, everybody may know.
      Atomics.store(least, number, serial);
    } else {
      did.cleared += 1;
      if (kind === 9998) table.clear();
      else moments.touchAll();
      for (let each = 0; each < KEYS; each++) Atomics.store(least, each, serial);
      // It was worked out after what it is told not to be older than.
      if (kind === 9998) begun = { number, serial, moment: moments.now() };
    }
  }

  const { program, remove } = await bundle(new URL("../../test/support/race-reader.ts", import.meta.url));
  const readers = race.controls.map((_, which) => new Worker(program, { workerData: { race, which } }));
  try {
    await Promise.all(readers.map((reader) => once(reader, "message")));
    for (const end = performance.now() + 1000 * SECONDS; performance.now() < end; ) {
      for (let i = 0; i < A_TURN; i++) step();
      await new Promise((resolve) => setImmediate(resolve));
    }
    const told = readers.map((reader) => once(reader, "message"));
    for (const words of controls) Atomics.store(words, Control.STOP, 1);
    const seen = (await Promise.all(told)).map(([said]) => said as Seen);
    if (process.env.ELEVEN_RACE_SECONDS !== undefined)
      process.stdout.write(`${JSON.stringify({ did, seen })}\n`);
    expect(seen.flatMap(({ faults }) => faults)).toEqual([]);
    // Else it was no race.
    for (const count of Object.values(did)) expect(count).toBeGreaterThan(0);
    for (const { found, searches } of seen) expect([found > 1000, searches > found]).toEqual([true, true]);
  } finally {
    await Promise.all(readers.map((reader) => reader.terminate()));
    remove();
  }
});
