import { parentPort, workerData } from "node:worker_threads";
import { answerReader } from "../../src/dataplane/answer-reader.ts";
import { HEADER_WORDS, Word } from "../../src/dataplane/entry.ts";
import { bodyWord, bodyWords, Control, KEYS, type Race, raceKey, type Seen } from "./race-entries.ts";

/**
 * Looks for keys in the table that another thread writes, as a worker of the data plane does: works, waits, works. All
 * that it finds has to be whole, the key's own, and nothing that was made to hold no more before it looked, and to stay
 * so until it waits.
 */
const SEARCHES = 64;
const FAULTS_MAX = 5;

const { race, which } = workerData as { race: Race; which: number };
const control = new Int32Array(race.controls[which]!);
const least = new Uint32Array(race.least);
const reader = answerReader(race.table);
const keys = Array.from({ length: KEYS }, (_, number) => raceKey(number));
const faults: string[] = [];
const held = new Int32Array(2 * SEARCHES);
let searches = 0;
let found = 0;
let random = which + 1;

parentPort?.postMessage("begun");
for (;;) {
  Atomics.add(control, Control.EPOCH, 1);
  if (Atomics.load(control, Control.STOP) !== 0) break;
  let holding = 0;
  for (let i = 0; i < SEARCHES; i++) {
    random = (Math.imul(random, 1_664_525) + 1_013_904_223) | 0;
    const number = (random >>> 8) % KEYS;
    const oldest = Atomics.load(least, number);
    const entry = find(number);
    searches += 1;
    if (entry === 0) continue;
    found += 1;
    const serial = reader.words[entry + HEADER_WORDS + 2]!;
    if (serial < oldest) fault(`key ${number}: ${serial} found, when ${oldest} was the oldest that holds`);
    check("when found", number, entry);
    held[2 * holding] = number;
    held[2 * holding + 1] = entry;
    holding += 1;
  }
  for (let i = 0; i < holding; i++) check("later", held[2 * i]!, held[2 * i + 1]!);
  Atomics.add(control, Control.EPOCH, 1);
}
parentPort?.postMessage({ searches, found, faults } satisfies Seen);

function find(number: number): number {
  const { hash, view, words } = keys[number]!;
  return reader.find(hash, view, words, words.length, 0);
}

function check(when: string, number: number, entry: number): void {
  const { words } = reader;
  const { hash, view, tag } = keys[number]!;
  const from = entry + HEADER_WORDS;
  const serial = words[from + 2]!;
  let isWhole =
    words[entry + Word.HASH] === hash &&
    words[entry + Word.VIEW] === view &&
    (words[entry + Word.SHAPE]! & 0xffff) === tag &&
    words[from] === number &&
    words[from + 1] === ~number >>> 0;
  for (let place = 0, end = bodyWords(number, serial); isWhole && place < end; place++)
    isWhole = words[from + 2 + place] === bodyWord(number, serial, place);
  if (!isWhole) fault(`key ${number}, ${when}: torn at ${entry}, serial ${serial}`);
}

function fault(text: string): void {
  if (faults.length < FAULTS_MAX) faults.push(text);
}
