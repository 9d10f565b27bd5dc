import { isIPv4 } from "node:net";
import { addressOctets } from "../base/address.ts";
import { answer as answerOf } from "../resolver/reply.ts";
import type { Answer } from "../resolver/resolver.ts";
import { Writer } from "../wire/cursor.ts";
import { Rcode } from "../wire/iana.ts";
import type { Name } from "../wire/message.ts";
import { reverseName } from "../wire/name.ts";
import { writeName } from "../wire/name-wire.ts";
import { answerReader } from "./answer-reader.ts";
import { answerTable } from "./answer-table.ts";
import { clientKey } from "./client-key.ts";
import { type ClientRow, clients } from "./clients.ts";
import { CLIENTS, Word } from "./entry.ts";
import { type PlaneMemory, SHED_TYPES, type WorkerMemory } from "./memory.ts";
import type { Sockaddr } from "./plane-socket.ts";
import { questionKey, TAGS, tagOfLabel, typeOf } from "./question-key.ts";
import { quiescence } from "./quiescence.ts";
import { remember } from "./remember.ts";
import { stamps } from "./stamps.ts";
import { type Labels, tallies } from "./tallies.ts";

/** What an answer that is about to be worked out will be an answer to, if nothing changes meanwhile. */
export interface Begun {
  readonly sandbox: string | undefined;
  readonly client: ClientRow;
  readonly moment: number;
}

/** What has changed: names, in whatever network; addresses; and sandboxes that see something else. */
export interface Changed {
  readonly names: ReadonlySet<Name>;
  readonly addresses: ReadonlySet<string>;
  readonly sandboxes: Iterable<string>;
}

/** So many answers were given to those who are counted under this name. */
export type Counted = (owner: string, labels: Labels, count: number) => void;

/** What the control plane has decided, as the workers may tell it: answers, who asks from where, and who sees what. */
export interface Decided {
  /** To be called before an answer is worked out, in the turn in which it was found who asks. Undefined: don't keep it. */
  begin(sandbox: string | undefined): Begun | undefined;
  /** From now on the workers know who asks from this address of a plain listener. */
  introduce(from: Sockaddr, begun: Begun): void;
  /** Keeps the response to a query, if nothing has changed since. */
  keep(query: Uint8Array, response: Uint8Array, answer: Answer, begun: Begun, now: number): void;
  /** When it returns, the workers answer nothing older about these. */
  changed(what: Changed): void;
  changedAll(): void;
  /** Counts the answers that the workers gave since the last call. */
  drain(counted: Counted): void;
  /** Whose row, and what is counted in a column. */
  sandboxOf(row: number): string | undefined;
  labelsOf(column: number): Labels | undefined;
  /** Answers in the table, of any age. */
  readonly entries: number;
}

/** The origin of answers to queries that had no room: SERVFAIL. */
const SHED = "shed";
const REFUSAL = answerOf("none", { rcode: Rcode.SERVFAIL });

export function decided(options: {
  readonly plane: PlaneMemory;
  readonly own: readonly Pick<WorkerMemory, "control" | "counts">[];
  /** Equal for sandboxes (undefined: the host) that get equal answers, and for no others. */
  readonly signature: (sandbox: string | undefined) => string;
  readonly exists: (sandbox: string) => boolean;
  /** Under whose name a sandbox (undefined: the host) is counted; undefined if it is gone. */
  readonly owner: (sandbox: string | undefined) => string | undefined;
  /** Counts what a sandbox got whose row becomes another's: at once, for who drains may never come. */
  readonly settled: Counted;
  /** Called when rows of clients are nobody's any more. */
  readonly leave: (rows: readonly number[]) => void;
  /** Under what an answer to a question of this type is counted: of a bounded number. */
  readonly labels: (qtype: number, answer: Answer) => Labels;
}): Decided {
  const { plane, own, labels } = options;
  const quiet = quiescence(own.map(({ control }) => new Int32Array(control)));
  const table = answerTable(plane.table, quiet);
  const kept = answerReader(plane.table);
  const moments = stamps(plane.table.stamps, () => {
    table.clear();
    known.forgetAll();
  });
  const counts = tallies(own.map((each) => each.counts));
  const shedColumns = new Uint32Array(plane.shedColumns);
  for (let qtype = 0; qtype < SHED_TYPES; qtype++)
    shedColumns[qtype] = counts.column({ ...labels(qtype, REFUSAL), origin: SHED })!;
  const known = clients({
    ...options,
    views: plane.views,
    quiescence: quiet,
    settle(row) {
      counts.drain(row, (of, count) => options.settled(known.ownerOf(row)!, of, count));
    },
  });
  const question = questionKey(plane.seed);
  const source = clientKey(plane.seed);

  function begin(sandbox: string | undefined): Begun | undefined {
    const client = known.of(sandbox);
    return client && { sandbox, client, moment: moments.now() };
  }

  function introduce(from: Sockaddr, { client, moment }: Begun): void {
    source.read(from, 0);
    const { hash, tag, words: key, wordCount: keyWords } = source;
    const there = kept.find(hash, CLIENTS, key, keyWords, 0);
    if (there !== 0 && kept.words[there + Word.CLIENT] === client.row) return;
    const write = (words: Uint32Array, entry: number) => {
      words[entry + Word.CLIENT] = client.row;
    };
    const forever = { expires: Number.POSITIVE_INFINITY, stored: 0 };
    table.put({ hash, view: CLIENTS, tag, moment, key, keyWords, bodyOctets: 0, ...forever, write }, 0);
  }

  function keep(query: Uint8Array, octets: Uint8Array, answer: Answer, begun: Begun, now: number): void {
    const { reuse } = answer;
    const { client, moment, sandbox } = begun;
    // What the client sees must not have changed since, nor all moments have begun anew.
    if (reuse === undefined || known.of(sandbox)?.generation !== client.generation) return;
    if (moment > moments.now() || !question.read(query, 0, query.length)) return;
    const qtype = typeOf(question);
    // From the second time on it comes from what is kept here.
    const origin = answer.origin === "upstream" ? "cache" : answer.origin;
    const column = counts.column(labels(qtype, { ...answer, origin }));
    if (column === undefined) return;
    remember({ table, key: question, view: client.view, moment, column, octets, reuse, now });
  }

  function* tagsOf({ names, addresses }: Changed): Iterable<number> {
    for (const name of names) yield tagOf(name);
    for (const address of addresses) {
      yield tagOf(reverseName(address));
      // The registry knows it by this name, too (`canonicalAddress`), whose first label is another one.
      if (isIPv4(address)) yield tagOf(reverseName(`::ffff:${address}`));
      source.readAddress(addressOctets(address));
      yield source.tag;
    }
  }

  function tagOf(name: Name): number {
    const writer = new Writer();
    writeName(writer, name, false);
    const octets = writer.finish();
    return tagOfLabel(octets.subarray(1, 1 + octets[0]!), plane.seed);
  }

  return {
    begin,
    introduce,
    keep,
    changed(what) {
      // Of so many, few tags would be left, and each takes a while to find.
      if (what.names.size + what.addresses.size > TAGS / 4) moments.touchAll();
      else moments.touch(tagsOf(what));
      for (const sandbox of what.sandboxes) known.forget(sandbox);
    },
    changedAll() {
      moments.touchAll();
      known.forgetAll();
    },
    drain(counted) {
      for (const row of known.rows()) {
        counts.drain(row, (of, count) => counted(known.ownerOf(row)!, of, count));
      }
    },
    sandboxOf: known.sandboxOf,
    labelsOf: counts.labelsOf,
    get entries() {
      return table.size;
    },
  };
}
