import { closeSync } from "node:fs";
import type { Flow, FlowListener } from "../base/flow.ts";
import { libc, SystemError } from "../linux/libc.ts";
import type { PollSet } from "../linux/poller.ts";
import { CLOSED, FIRST_FLOW, FLOWS_MAX, FlowRow, Heard } from "./memory.ts";
import type { Quiescence } from "./quiescence.ts";
import type { RingReader } from "./ring.ts";

const MSG_DONTWAIT = 0x40;
const EAGAIN = 11;
/** How often it is looked whether descriptors may be closed: the workers are done with them in far less. */
const SWEEP_MS = 1;

/** The questions to upstreams that are under way: the workers listen, and the control plane is told what they hear. */
export interface Flows {
  readonly hasRoom: boolean;
  /** As `FlowOf`. Throws if there is no room for it; then the descriptor is the caller's to close. */
  open(fd: number, listener: FlowListener): Flow;
  /** Takes a message of the ring of what was heard. */
  take(ring: RingReader, offset: number, length: number): void;
}

interface Open {
  readonly generation: number;
  heard(errno: number, octets: Uint8Array): void;
}

/**
 * A worker is told once that something has come, hands over all that there is, and does not look at the descriptor
 * again until `heard` asks for more. So a flow that ends with its reply can be closed at once. One that ends without
 * may be in a worker's hands at that moment, and is closed after these have been empty: its number could be another
 * socket's by then.
 */
export function flows(options: {
  readonly memory: SharedArrayBuffer;
  readonly sets: readonly PollSet[];
  readonly quiescence: Quiescence;
}): Flows {
  const { sets, quiescence } = options;
  const { send } = libc();
  const rows = new Uint32Array(options.memory);
  const under: (Open | undefined)[] = new Array(FLOWS_MAX).fill(undefined);
  const free = Array.from({ length: FLOWS_MAX }, (_, index) => FLOWS_MAX - 1 - index);
  for (const index of free) rows[index * FlowRow.WORDS + FlowRow.FD] = CLOSED;
  const leaving = new Set<{
    readonly index: number;
    readonly fd: number;
    readonly mark: readonly number[];
  }>();
  let isSweepDue = false;

  function open(fd: number, listener: FlowListener): Flow {
    const index = free.pop();
    if (index === undefined) throw new Error(`more than ${FLOWS_MAX} questions to upstreams`);
    return flowAt(index, fd, listener);
  }

  function flowAt(index: number, fd: number, listener: FlowListener): Flow {
    const set = sets[index % sets.length]!;
    const key = FIRST_FLOW + index;
    const row = index * FlowRow.WORDS;
    const generation = (rows[row + FlowRow.GENERATION]! + 1) >>> 0;
    let isListenedTo = true;
    let isClosed = false;

    Atomics.store(rows, row + FlowRow.GENERATION, generation);
    Atomics.store(rows, row + FlowRow.FD, fd);
    under[index] = { generation, heard };
    try {
      set.addOnce(fd, key, generation);
    } catch (error) {
      forget();
      free.push(index);
      throw error;
    }

    function heard(errno: number, octets: Uint8Array): void {
      isListenedTo = false;
      if (errno === 0) listener.message(octets);
      else if (errno !== EAGAIN) listener.failed(new SystemError("recv", errno));
      if (isClosed) return;
      isListenedTo = true;
      set.onceMore(fd, key, generation);
    }

    function forget(): void {
      under[index] = undefined;
      Atomics.store(rows, row + FlowRow.FD, CLOSED);
    }

    return {
      send(octets) {
        try {
          send(fd, octets, MSG_DONTWAIT);
        } catch (error) {
          listener.failed(error as Error);
        }
      },
      close() {
        if (isClosed) return;
        isClosed = true;
        forget();
        if (!isListenedTo) return release(index, fd);
        set.remove(fd);
        leaving.add({ index, fd, mark: quiescence.mark() });
        sweep();
      },
    };
  }

  function release(index: number, fd: number): void {
    closeSync(fd);
    free.push(index);
  }

  function sweep(): void {
    for (const each of leaving) {
      // Those behind it came later.
      if (!quiescence.hasPassed(each.mark)) break;
      leaving.delete(each);
      release(each.index, each.fd);
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
      return free.length > 0;
    },
    open,
    take({ octets, words }, offset, length) {
      const word = offset >> 2;
      const flow = under[words[word + Heard.FLOW]! - FIRST_FLOW];
      if (flow?.generation !== words[word + Heard.GENERATION]) return;
      flow!.heard(words[word + Heard.ERRNO]!, octets.slice(offset + 4 * Heard.HEADER_WORDS, offset + length));
    },
  };
}
