import { closeSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import type { Flow, FlowListener, Way } from "../base/flow.ts";
import { libc, SystemError } from "../linux/libc.ts";
import type { PollSet } from "../linux/poller.ts";
import { CLOSED, FIRST_FLOW, FLOWS_MAX, FlowRow, Heard } from "./memory.ts";
import type { Quiescence } from "./quiescence.ts";
import { restingLines } from "./resting-lines.ts";
import type { RingReader } from "./ring.ts";

const MSG_DONTWAIT = 0x40;
const EAGAIN = 11;
/** How often it is looked whether descriptors may be closed: the workers are done with them in far less. */
const SWEEP_MS = 1;

/** The questions to upstreams that are under way: the workers listen, and the control plane is told what they hear. */
export interface Flows {
  readonly hasRoom: boolean;
  /** As `FlowOf`; throws, too, if there is no room. */
  open(way: Way, listener: FlowListener, isFresh: boolean): Flow;
  /** Takes a message of the ring of what was heard. */
  take(ring: RingReader, offset: number, length: number): void;
  /** To be called when no worker works any more, and before their sets are closed; flows may be closed later. */
  close(): void;
}

/** One socket. */
export interface Line {
  readonly fd: number;
  /** Of its row. */
  readonly index: number;
  readonly set: PollSet;
  readonly way: Way;
  /** When it was connected, in milliseconds. */
  readonly since: number;
}

/**
 * A worker is told once that something has come, hands over all that there is, and does not look at the descriptor
 * again until `heard` asks for more. So a flow that ends with its reply can be closed, or its line be used again, at
 * once. One that ends without may be in a worker's hands at that moment, and is closed after these have been empty: its
 * number could be another socket's by then.
 */
export function flows(options: {
  readonly memory: SharedArrayBuffer;
  readonly sets: readonly PollSet[];
  readonly quiescence: Quiescence;
  readonly clock: Clock;
}): Flows {
  const { sets, quiescence, clock } = options;
  const { send } = libc();
  const rows = new Uint32Array(options.memory);
  const under: (OpenFlow | undefined)[] = new Array(FLOWS_MAX).fill(undefined);
  const free = Array.from({ length: FLOWS_MAX }, (_, index) => FLOWS_MAX - 1 - index);
  for (const index of free) rows[index * FlowRow.WORDS + FlowRow.FD] = CLOSED;
  const resting = restingLines({ release, clock });
  const leaving = new Set<{ readonly line: Line; readonly mark: readonly number[] }>();
  let isSweepDue = false;
  let isOver = false;

  class OpenFlow implements Flow {
    readonly #line: Line;
    readonly #listener: FlowListener;
    readonly generation: number;
    #isListenedTo = true;
    #isClosed = false;
    #sent = 0;
    #heard = 0;
    /** Something else than one reply has come to it, or may. */
    #isSpoilt = false;

    constructor(line: Line, listener: FlowListener, isNew: boolean) {
      const { index, fd, set } = line;
      const row = index * FlowRow.WORDS;
      this.#line = line;
      this.#listener = listener;
      this.generation = (rows[row + FlowRow.GENERATION]! + 1) >>> 0;
      Atomics.store(rows, row + FlowRow.GENERATION, this.generation);
      Atomics.store(rows, row + FlowRow.FD, fd);
      under[index] = this;
      try {
        if (isNew) set.addOnce(fd, FIRST_FLOW + index, this.generation);
        else set.onceMore(fd, FIRST_FLOW + index, this.generation);
      } catch (error) {
        this.#forget();
        throw error;
      }
    }

    send(octets: Uint8Array): void {
      this.#sent += 1;
      try {
        send(this.#line.fd, octets, MSG_DONTWAIT);
      } catch (error) {
        this.#isSpoilt = true;
        this.#listener.failed(error as Error);
      }
    }

    /** `count`: how many datagrams were read together with this one; 0 for an error. */
    heard(errno: number, count: number, octets: Uint8Array): void {
      this.#isListenedTo = false;
      this.#heard += 1;
      if (count !== 1) this.#isSpoilt = true;
      if (errno === 0) this.#listener.message(octets);
      else if (errno !== EAGAIN) this.#listener.failed(new SystemError("recv", errno));
      // What came last is taken when the sets are closed already.
      if (this.#isClosed || isOver) return;
      this.#isListenedTo = true;
      const { set, fd, index } = this.#line;
      set.onceMore(fd, FIRST_FLOW + index, this.generation);
    }

    close(): void {
      if (this.#isClosed) return;
      this.#isClosed = true;
      this.#forget();
      const line = this.#line;
      // After the first of those that were read together it was asked for more: a worker may have it in its hands.
      if (isOver) release(line);
      else if (this.#isListenedTo || this.#heard > 1) {
        line.set.remove(line.fd);
        leaving.add({ line, mark: quiescence.mark() });
        sweep();
        // Where nothing more is to come, nothing of this question can be taken for the next one's.
      } else if (this.#sent !== 1 || this.#isSpoilt || !resting.put(line)) release(line);
    }

    #forget(): void {
      const { index } = this.#line;
      under[index] = undefined;
      Atomics.store(rows, index * FlowRow.WORDS + FlowRow.FD, CLOSED);
    }
  }

  function connect(way: Way): Line {
    const fd = way.connect();
    const index = free.pop();
    if (index === undefined) {
      closeSync(fd);
      throw new Error(`more than ${FLOWS_MAX} questions to upstreams`);
    }
    return { fd, index, set: sets[index % sets.length]!, way, since: clock.now() };
  }

  function release({ fd, index }: Line): void {
    closeSync(fd);
    free.push(index);
  }

  function sweep(): void {
    for (const each of leaving) {
      // Those behind it came later.
      if (!isOver && !quiescence.hasPassed(each.mark)) break;
      leaving.delete(each);
      release(each.line);
    }
    if (leaving.size === 0 || isSweepDue) return;
    isSweepDue = true;
    setTimeout(() => {
      isSweepDue = false;
      sweep();
    }, SWEEP_MS);
  }

  return {
    get hasRoom() {
      return !isOver && free.length > 0;
    },
    open(way, listener, isFresh) {
      const rested = isFresh ? undefined : resting.take(way);
      const line = rested ?? connect(way);
      try {
        return new OpenFlow(line, listener, rested === undefined);
      } catch (error) {
        release(line);
        throw error;
      }
    },
    take({ octets, words }, offset, length) {
      const word = offset >> 2;
      const flow = under[words[word + Heard.FLOW]! - FIRST_FLOW];
      if (flow?.generation !== words[word + Heard.GENERATION]) return;
      const message = octets.slice(offset + 4 * Heard.HEADER_WORDS, offset + length);
      flow!.heard(words[word + Heard.ERRNO]!, words[word + Heard.COUNT]!, message);
    },
    close() {
      isOver = true;
      resting.close();
      sweep();
    },
  };
}
