import { batch, RECEIVE_STRIDE } from "../linux/batch.ts";
import { ADDRESS_STRIDE, SEND_STRIDE } from "../linux/batch-size.ts";
import { poller, WOKEN } from "../linux/poller.ts";
import { accept, bareResponse } from "../server/accept.ts";
import { Rcode } from "../wire/iana.ts";
import { HEADER_LENGTH } from "../wire/limits.ts";
import { answerReader } from "./answer-reader.ts";
import { clientKey } from "./client-key.ts";
import { CLIENTS, HEADER_WORDS, Time, Word } from "./entry.ts";
import { hearFlows } from "./hear-flows.ts";
import {
  BY_ADDRESS,
  CLOSED,
  COLUMNS,
  Control,
  FIRST_FLOW,
  Miss,
  type PlaneMemory,
  Seen,
  SHED_TYPES,
  Socket,
  type WorkerMemory,
} from "./memory.ts";
import { questionKey, typeOf } from "./question-key.ts";
import { ringWriter } from "./ring.ts";
import { sharedNow } from "./shared-now.ts";

/**
 * Answers shown to who watches, a second, and so many more at once: to take note of all that a thread can answer would
 * cost as much as answering.
 */
const SHOWN_A_SECOND = 20_000;

/**
 * So many queries at one socket at a time are a flood: what comes while the thread pauses shares system calls, and that
 * halves the cost of each. The kernel makes some 70 us of it.
 */
const FLOOD = 16;
const PAUSE_MS = 0.02;

/** How long to wait before looking round: a thread that is blocked in a system call can't be ended from outside. */
const IDLE_MS = 500;

/**
 * Answers queries on all sockets until told to stop: those that the table has an answer for here, and at once; the
 * others go to the control plane. Nothing is allocated for the former.
 */
export function serveQueries(plane: PlaneMemory, own: WorkerMemory, wakeControlPlane: () => void): void {
  const io = batch();
  const { received, addresses, sent } = io;
  const sentWords = new Uint32Array(sent.buffer);
  const polled = poller(own);
  const hear = hearFlows(plane, own, io);
  const control = new Int32Array(own.control);
  const counts = new Uint32Array(own.counts);
  const sockets = new Uint32Array(plane.sockets);
  const views = new Uint32Array(plane.views);
  const uses = new Uint8Array(plane.uses);
  const shedColumns = new Uint32Array(plane.shedColumns);
  const table = answerReader(plane.table);
  const question = questionKey(plane.seed);
  const source = clientKey(plane.seed);
  const misses = ringWriter(own.misses);
  const missWords = new Uint32Array(misses.octets.buffer, misses.octets.byteOffset);
  const seen = ringWriter(own.seen);
  const seenWords = new Uint32Array(seen.octets.buffer, seen.octets.byteOffset);
  let random = plane.seed | 1;
  let now = 0;
  let isWatched = false;
  let mayShow = SHOWN_A_SECOND;
  let lastShown = 0;
  let hasNews = false;
  let isFlooded = false;
  /** Nobody wakes who waits for it. */
  const nobody = new Int32Array(new SharedArrayBuffer(4));

  wakeControlPlane();
  for (;;) {
    const ready = polled.wait(IDLE_MS);
    Atomics.add(control, Control.EPOCH, 1);
    if (Atomics.load(control, Control.STOP) !== 0) break;
    isWatched = Atomics.load(control, Control.WATCHED) !== 0;
    for (let i = 0; i < ready; i++) {
      const key = polled.key(i);
      if (key < FIRST_FLOW) serve(key, polled.detail(i));
      else if (key === WOKEN) polled.rest();
      else if (hear(key, polled.detail(i))) hasNews = true;
    }
    Atomics.add(control, Control.EPOCH, 1);
    if (hasNews) {
      hasNews = false;
      wakeControlPlane();
    }
    if (!isFlooded) continue;
    isFlooded = false;
    Atomics.wait(nobody, 0, 0, PAUSE_MS);
  }

  function serve(socket: number, generation: number): void {
    const row = socket * Socket.WORDS;
    const fd = Atomics.load(sockets, row + Socket.FD);
    if (fd === CLOSED || Atomics.load(sockets, row + Socket.GENERATION) !== generation) return;
    const count = io.receive(fd);
    if (count >= FLOOD) isFlooded = true;
    now = sharedNow();
    // Only after the queries have come: who is told of a change may rely on it in what is asked then.
    const client = Atomics.load(sockets, row + Socket.CLIENT);
    let answers = 0;
    for (let i = 0; i < count; i++) {
      const length = answer(i, client, answers);
      if (length > 0) io.answer(answers++, i, length);
      else if (length < 0 && !hand(socket, generation, i)) {
        const refusal = shed(i, client, answers);
        if (refusal > 0) io.answer(answers++, i, refusal);
      }
    }
    if (answers === 0) return;
    const unsent = io.send(fd, answers);
    if (unsent > 0) Atomics.add(control, Control.UNSENT, unsent);
  }

  /** Writes the answer to what came in place `i` into place `j`; returns its length, or -1 if the table has none. */
  function answer(i: number, socketsClient: number, j: number): number {
    const query = i * RECEIVE_STRIDE;
    if (!question.read(received, query, io.lengthOf(i))) return -1;
    const client = socketsClient === BY_ADDRESS ? clientAt(i) : socketsClient;
    const view = Atomics.load(views, client);
    if (view === 0) return -1;
    const entry = table.find(question.hash, view, question.words, question.wordCount, now);
    if (entry === 0) return -1;
    const { words } = table;
    const packed = words[entry + Word.RESPONSE]!;
    const length = packed >>> 16;
    if (length > question.limit) return -1;
    const place = j * SEND_STRIDE;
    const response = entry + HEADER_WORDS + question.wordCount;
    for (let k = 0, to = place >> 2, end = (length + 3) >> 2; k < end; k++)
      sentWords[to + k] = words[response + k]!;
    sent[place] = received[query]!;
    sent[place + 1] = received[query + 1]!;
    // As the client wrote it: its letter case is echoed.
    for (let k = HEADER_LENGTH, end = HEADER_LENGTH + question.nameLength; k < end; k++)
      sent[place + k] = received[query + k]!;
    if (words[entry + Word.ROTATION] !== 0) rotate(entry, response, place);
    if (words[entry + Word.AGES] !== 0) age(entry, response, length, place);
    const mark = words[entry + Word.MARK]!;
    if (mark !== 0 && Atomics.load(uses, mark) === 0) Atomics.store(uses, mark, 1);
    const column = packed & 0xffff;
    Atomics.add(counts, client * COLUMNS + column, 1);
    if (isWatched) show(client, column, place, length);
    return length;
  }

  /** The row of the client that sent what came in place `i`; 0 if it is not known. */
  function clientAt(i: number): number {
    source.read(addresses, i * ADDRESS_STRIDE);
    const entry = table.find(source.hash, CLIENTS, source.words, source.wordCount, now);
    return entry === 0 ? 0 : table.words[entry + Word.CLIENT]!;
  }

  /** Each address comes first as often as any other. */
  function rotate(entry: number, response: number, place: number): void {
    const rotation = table.words[entry + Word.ROTATION]!;
    const offset = rotation & 0xffff;
    const count = (rotation >>> 16) & 0xff;
    const length = rotation >>> 24;
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    const from = (response << 2) + offset;
    const to = place + offset;
    const whole = count * length;
    let at = ((random >>> 0) % count) * length;
    for (let k = 0; k < whole; k++) {
      sent[to + k] = table.octets[from + at]!;
      at = at + 1 === whole ? 0 : at + 1;
    }
  }

  /** TTLs are those of the answer that was kept, less the seconds that are over. */
  function age(entry: number, response: number, length: number, place: number): void {
    const passed = Math.floor((now - table.doubles[(entry >> 1) + Time.STORED]!) / 1000);
    if (passed <= 0) return;
    const count = table.words[entry + Word.SHAPE]! >>> 24;
    let list = (response + ((length + 3) >> 2)) << 2;
    for (let k = 0; k < count; k++, list += 2) {
      const at = place + (table.octets[list]! | (table.octets[list + 1]! << 8));
      const ttl = ((sent[at]! << 24) | (sent[at + 1]! << 16) | (sent[at + 2]! << 8) | sent[at + 3]!) - passed;
      const left = ttl < 0 ? 0 : ttl;
      sent[at] = left >>> 24;
      sent[at + 1] = left >>> 16;
      sent[at + 2] = left >>> 8;
      sent[at + 3] = left;
    }
  }

  /** Hands what came in place `i` to the control plane; false if it has too much to do. */
  function hand(socket: number, generation: number, i: number): boolean {
    const length = io.lengthOf(i);
    const offset = misses.reserve(4 * Miss.HEADER_WORDS + length);
    if (offset === -1) return false;
    const word = offset >> 2;
    missWords[word + Miss.SOCKET] = socket;
    missWords[word + Miss.GENERATION] = generation;
    missWords[word + Miss.ADDRESS_LENGTH] = io.addressLengthOf(i);
    const address = i * ADDRESS_STRIDE;
    const query = i * RECEIVE_STRIDE;
    misses.octets.set(addresses.subarray(address, address + ADDRESS_STRIDE), offset + 4 * Miss.ADDRESS);
    misses.octets.set(received.subarray(query, query + length), offset + 4 * Miss.HEADER_WORDS);
    if (misses.publish()) hasNews = true;
    return true;
  }

  /** SERVFAIL, so that the client asks again or elsewhere at once; what is no query is treated as `server/handle.ts` does. */
  function shed(i: number, socketsClient: number, j: number): number {
    const start = i * RECEIVE_STRIDE;
    const query = received.subarray(start, start + io.lengthOf(i));
    const verdict = accept(query);
    const isQuery = verdict === "accept";
    const isIgnored = verdict === "ignore";
    Atomics.add(control, isQuery ? Control.SHED : isIgnored ? Control.IGNORED : Control.MALFORMED, 1);
    if (isIgnored) return 0;
    const response = bareResponse(query, isQuery ? Rcode.SERVFAIL : verdict.rcode);
    const place = j * SEND_STRIDE;
    sent.set(response, place);
    const client = socketsClient === BY_ADDRESS ? clientAt(i) : socketsClient;
    // Of nobody who is known yet: it is in the total alone.
    if (!isQuery || client === 0) return response.length;
    const qtype = question.read(received, start, query.length) ? typeOf(question) : 0;
    const column = shedColumns[qtype < SHED_TYPES ? qtype : 0]!;
    Atomics.add(counts, client * COLUMNS + column, 1);
    if (isWatched) show(client, column, place, response.length);
    return response.length;
  }

  /** For whoever watches; what there is no room for, or comes beyond the rate, is counted. */
  function show(client: number, column: number, place: number, length: number): void {
    mayShow = Math.min(SHOWN_A_SECOND, mayShow + ((now - lastShown) * SHOWN_A_SECOND) / 1000);
    lastShown = now;
    const offset = mayShow < 1 ? -1 : seen.reserve(4 * Seen.HEADER_WORDS + length);
    if (offset === -1) {
      Atomics.add(control, Control.UNSEEN, 1);
      return;
    }
    seenWords[(offset >> 2) + Seen.CLIENT] = client;
    seenWords[(offset >> 2) + Seen.COLUMN] = column;
    seen.octets.set(sent.subarray(place, place + length), offset + 4 * Seen.HEADER_WORDS);
    mayShow -= 1;
    if (seen.publish()) hasNews = true;
  }
}
