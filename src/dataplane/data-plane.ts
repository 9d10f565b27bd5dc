import { closeSync } from "node:fs";
import type { SocketAddress } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import type { FlowOf } from "../base/flow.ts";
import type { Logger } from "../base/log.ts";
import { type PollSet, pollSet } from "../linux/poller.ts";
import { udpServerHere } from "../linux/sockets.ts";
import type { Answer } from "../resolver/resolver.ts";
import type { Asker } from "../server/asker.ts";
import type { Handler, Refused } from "../server/handle.ts";
import type { UdpPlane, UdpSocket } from "../server/udp-plane.ts";
import { type Changed, type Counted, decided } from "./decided.ts";
import { flows } from "./flows.ts";
import { Control, Miss, planeMemory, Seen, workerMemory } from "./memory.ts";
import { addressOf, type Sockaddr, sendTo } from "./plane-socket.ts";
import { type PlaneSocket, planeSockets } from "./plane-sockets.ts";
import { pump } from "./pump.ts";
import { quiescence } from "./quiescence.ts";
import { type RingReader, ringReader } from "./ring.ts";
import { sharedNow } from "./shared-now.ts";
import type { Labels } from "./tallies.ts";
import { type Thread, thread } from "./thread.ts";
import { type UseMarks, useMarks } from "./uses.ts";

/** The answers of the workers, and what makes them hold no more. */
export interface DataPlane extends UdpPlane {
  /** False while a worker does not do what it should; it is started anew soon. */
  readonly isAlive: boolean;
  /** Resolves when all workers work for the first time. */
  readonly started: Promise<void>;
  /** Whether `flow` will do. */
  readonly canListen: boolean;
  /** The workers listen to it, and say what they hear; throws, too, if there is no room. */
  flow: FlowOf;
  /** To be called when the registry has changed: when it returns, nothing older is answered about these. */
  changed(what: Changed): void;
  /** Nothing that was answered so far holds. */
  changedAll(): void;
  /** Counts the answers that the workers gave since the last call. */
  drain(counted: Counted): void;
  /** Which answers the workers gave. */
  readonly uses: UseMarks;
  readonly counters: Readonly<PlaneCounters>;
  /** What the workers refused by themselves, while the control plane had too much to do. */
  readonly refused: Pick<Refused, "malformed" | "ignored">;
  /** Shows every answer that the workers give from now on, but for those that there was no room for; ends with the call. */
  watch(watcher: (shown: Shown) => void): () => void;
  close(): Promise<void>;
}

/** One answer that a worker gave. */
export interface Shown {
  readonly sandbox: string | undefined;
  readonly origin: string;
  /** The message that was sent. */
  readonly octets: Uint8Array;
  /** How many before this one could not be shown: they came faster than they were taken. */
  readonly skipped: number;
}

export interface PlaneCounters {
  /** Queries answered with SERVFAIL because the control plane had too much to do, and answers that the kernel did not take. */
  shed: number;
  unsent: number;
  /** Messages that the kernel threw away, because they came faster than they were read. */
  lost: number;
  /** Answers in the table. */
  entries: number;
  restarts: number;
}

/**
 * The control side of the data plane: `workers` threads that answer from a table in shared memory. What they don't
 * find comes here, goes through `handler`, and is put into the table if its answer says that it may be given again.
 */
export function dataPlane(options: {
  readonly workers: number;
  /** Size of the table. */
  readonly tableOctets: number;
  /** What the threads run. */
  readonly program: URL;
  readonly handler: Handler;
  /** Equal for sandboxes (undefined: the host; or a `Client.via`) that get equal answers, and for no others. */
  readonly signature: (sandbox: string | undefined) => string;
  readonly exists: (sandbox: string) => boolean;
  /** Under whose name a sandbox is counted; undefined if it is gone. */
  readonly owner: (sandbox: string | undefined) => string | undefined;
  /** Counts what a sandbox got that is long gone. */
  readonly settled: Counted;
  /** Under what an answer to this question is counted: of a bounded number. */
  readonly labels: (qtype: number, answer: Answer) => Labels;
  readonly clock: Clock;
  readonly log: Logger;
}): DataPlane {
  const { handler, clock, log } = options;
  const plane = planeMemory(options.tableOctets);
  const sets: PollSet[] = Array.from({ length: options.workers }, () => pollSet(options.workers > 1));
  const own = sets.map(workerMemory);
  const controls = own.map(({ control }) => new Int32Array(control));
  const total = (word: number) => controls.reduce((sum, words) => sum + Atomics.load(words, word), 0);
  const known = decided({ ...options, plane, own, leave: (rows) => sockets.forgetClients(rows) });
  const misses = pump(
    own.map((each) => ringReader(each.misses)),
    takeMiss,
  );
  const quiet = quiescence(controls);
  const upstreamFlows = flows({ memory: plane.flows, sets, quiescence: quiet, clock });
  const heard = pump(
    own.map((each) => ringReader(each.heard)),
    upstreamFlows.take,
  );
  const seen = pump(
    own.map((each) => ringReader(each.seen)),
    takeSeen,
  );
  const sockets = planeSockets({
    memory: plane.sockets,
    sets,
    quiescence: quiet,
    takeMisses: misses.drain,
    clock,
  });
  const watchers = new Set<(shown: Shown) => void>();
  let toldUnseen = 0;
  let unsentHere = 0;
  const threads: Thread[] = own.map((each, i) =>
    thread({ ...options, plane, own: each, wake: () => sets[i]!.wake(), woken }),
  );

  function woken(): void {
    heard.woken();
    misses.woken();
    seen.woken();
  }

  /** Answers a query that the workers could not. */
  async function answer(socket: PlaneSocket, octets: Uint8Array, from: Sockaddr): Promise<void> {
    socket.inFlight++;
    try {
      const asked = socket.asker(socket.isPlain ? addressOf(from) : "");
      const isKnown = !(asked instanceof Promise);
      const client = isKnown ? asked : await asked;
      const begun = client && known.begin(client.via ?? client.sandbox);
      // Who was found after a wait may be another one already.
      if (isKnown && begun !== undefined) {
        if (socket.isPlain) known.introduce(from, begun);
        else sockets.setClient(socket, begun.client.row);
      }
      const response = await handler.handle(octets, client);
      // The descriptor of a socket that was closed meanwhile may be another one's.
      if (response === undefined || sockets.get(socket.index, socket.generation) === undefined) return;
      if (!sendTo(socket.fd, response.octets, from)) unsentHere += 1;
      if (begun !== undefined && response.answer !== undefined)
        known.keep(octets, response.octets, response.answer, begun, sharedNow());
    } catch (error) {
      log.error({ err: error }, "a query failed on a fault of this program");
    } finally {
      socket.inFlight--;
    }
  }

  function takeMiss({ octets, words }: RingReader, offset: number, length: number): void {
    const word = offset >> 2;
    const socket = sockets.get(words[word + Miss.SOCKET]!, words[word + Miss.GENERATION]!);
    if (socket === undefined) return;
    const address = offset + 4 * Miss.ADDRESS;
    const from = octets.slice(address, address + words[word + Miss.ADDRESS_LENGTH]!);
    void answer(socket, octets.slice(offset + 4 * Miss.HEADER_WORDS, offset + length), from);
  }

  function takeSeen({ octets, words }: RingReader, offset: number, length: number): void {
    const word = offset >> 2;
    const sandbox = known.sandboxOf(words[word + Seen.CLIENT]!);
    const origin = known.labelsOf(words[word + Seen.COLUMN]!)?.origin ?? "none";
    const shown = octets.slice(offset + 4 * Seen.HEADER_WORDS, offset + length);
    const unseen = total(Control.UNSEEN);
    const skipped = unseen - toldUnseen;
    toldUnseen = unseen;
    for (const watcher of watchers) watcher({ sandbox, origin, octets: shown, skipped });
  }

  const isAlive = (): boolean => threads.every((each) => each.isAlive);

  function bound(fd: number, port: number, isPlain: boolean): UdpSocket {
    return {
      port,
      serve(name, asker: Asker) {
        const socket = sockets.open(fd, isPlain, asker);
        return {
          name,
          askerChanged: () => sockets.setClient(socket, 0),
          close: () =>
            sockets.close(socket, (octets, from) => void answer(socket, Uint8Array.from(octets), from)),
        };
      },
      close: () => closeSync(fd),
    };
  }

  return {
    started: Promise.all(threads.map((each) => each.started)).then(() => {}),
    get isAlive() {
      return isAlive();
    },
    async bind(address: SocketAddress) {
      const { fd, port } = udpServerHere(address);
      return bound(fd, port, true);
    },
    adopt: (fd) => bound(fd, 0, false),
    get canListen() {
      return upstreamFlows.hasRoom && isAlive();
    },
    flow: upstreamFlows.open,
    changed: known.changed,
    changedAll: known.changedAll,
    drain: known.drain,
    uses: useMarks(plane.uses),
    get counters() {
      return {
        shed: total(Control.SHED),
        unsent: total(Control.UNSENT) + unsentHere,
        lost: sockets.lost(),
        entries: known.entries,
        restarts: threads.reduce((sum, { restarts }) => sum + restarts, 0),
      };
    },
    get refused() {
      return { malformed: total(Control.MALFORMED), ignored: total(Control.IGNORED) };
    },
    watch(watcher) {
      // One that is added twice is two.
      const one = (shown: Shown) => watcher(shown);
      watchers.add(one);
      toldUnseen = total(Control.UNSEEN);
      for (const words of controls) Atomics.store(words, Control.WATCHED, 1);
      return () => {
        watchers.delete(one);
        if (watchers.size === 0) for (const words of controls) Atomics.store(words, Control.WATCHED, 0);
      };
    },
    async close() {
      await Promise.all(threads.map((each) => each.close()));
      upstreamFlows.close();
      for (const set of sets) set.close();
    },
  };
}
