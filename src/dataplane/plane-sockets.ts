import { closeSync } from "node:fs";
import type { Clock } from "../base/clock.ts";
import { libc } from "../linux/libc.ts";
import type { PollSet } from "../linux/poller.ts";
import type { Asker } from "../server/asker.ts";
import { CLOSE_GRACE_MS } from "../server/listener.ts";
import { BY_ADDRESS, CLOSED, SOCKETS_MAX, Socket } from "./memory.ts";
import { readAll, type Sockaddr } from "./plane-socket.ts";
import type { Quiescence } from "./quiescence.ts";

/** How often a wait for the workers looks again: they are done in far less than a millisecond. */
const QUIET_POLL_MS = 1;

/** How often a socket that waits for its last answers is read. */
const CLOSING_POLL_MS = 5;

export interface PlaneSocket {
  readonly index: number;
  readonly generation: number;
  readonly fd: number;
  /** Whether who asks depends on the address. */
  readonly isPlain: boolean;
  readonly asker: Asker;
  /** Queries that are being answered. */
  inFlight: number;
}

/** The sockets that the workers read. */
export interface PlaneSockets {
  /** Throws if there is no room for it; then it is the caller's to close. */
  open(fd: number, isPlain: boolean, asker: Asker): PlaneSocket;
  get(index: number, generation: number): PlaneSocket | undefined;
  /** Whose queries those of this socket are: a client's row; 0 if that is to be asked anew. */
  setClient(socket: PlaneSocket, row: number): void;
  /** Whose queries had one of these rows, is to be asked anew. */
  forgetClients(rows: readonly number[]): void;
  /**
   * Takes the socket from the workers, answers what has come and still comes, until nothing does and nothing is in
   * flight, or `CLOSE_GRACE_MS` have passed, and closes it. A worker that hangs is started anew in two seconds, and
   * holds nothing then.
   */
  close(socket: PlaneSocket, answer: (octets: Uint8Array, from: Sockaddr) => void): Promise<void>;
  /** How many messages the kernel threw away, at all sockets that there were: they came faster than they were read. */
  lost(): number;
}

export function planeSockets(options: {
  readonly memory: SharedArrayBuffer;
  readonly sets: readonly PollSet[];
  readonly quiescence: Quiescence;
  /** Takes over what the workers have handed over already. */
  readonly takeMisses: () => Promise<void>;
  readonly clock: Clock;
}): PlaneSockets {
  const { sets, quiescence, takeMisses, clock } = options;
  const rows = new Uint32Array(options.memory);
  const sockets = new Map<number, PlaneSocket>();
  let lostBefore = 0;
  const free = Array.from({ length: SOCKETS_MAX }, (_, index) => SOCKETS_MAX - 1 - index);
  for (const index of free) rows[index * Socket.WORDS + Socket.FD] = CLOSED;

  async function quiet(): Promise<void> {
    for (const mark = quiescence.mark(); !quiescence.hasPassed(mark); )
      await new Promise<void>((resolve) => void setTimeout(resolve, QUIET_POLL_MS));
  }

  return {
    open(fd, isPlain, asker) {
      const index = free.pop();
      if (index === undefined) throw new Error(`more than ${SOCKETS_MAX} sockets`);
      const at = index * Socket.WORDS;
      const generation = (rows[at + Socket.GENERATION]! + 1) >>> 0;
      const socket = { index, generation, fd, isPlain, asker, inFlight: 0 };
      sockets.set(index, socket);
      Atomics.store(rows, at + Socket.CLIENT, isPlain ? BY_ADDRESS : 0);
      Atomics.store(rows, at + Socket.GENERATION, generation);
      Atomics.store(rows, at + Socket.FD, fd);
      try {
        for (const set of sets) set.add(fd, index, generation);
      } catch (error) {
        // Sets that have it already lose it when the caller closes it.
        Atomics.store(rows, at + Socket.FD, CLOSED);
        sockets.delete(index);
        free.push(index);
        throw error;
      }
      return socket;
    },
    get(index, generation) {
      const socket = sockets.get(index);
      return socket?.generation === generation ? socket : undefined;
    },
    setClient({ index, generation, isPlain }, row) {
      if (isPlain || sockets.get(index)?.generation !== generation) return;
      Atomics.store(rows, index * Socket.WORDS + Socket.CLIENT, row);
    },
    forgetClients(gone) {
      const leaving = new Set(gone);
      for (const index of sockets.keys()) {
        const at = index * Socket.WORDS + Socket.CLIENT;
        if (leaving.has(rows[at]!)) Atomics.store(rows, at, 0);
      }
    },
    async close(socket, answer) {
      for (const set of sets) set.remove(socket.fd);
      Atomics.store(rows, socket.index * Socket.WORDS + Socket.FD, CLOSED);
      await quiet();
      // From here on only this thread reads it.
      let isLate = false;
      const cancel = clock.after(CLOSE_GRACE_MS, () => {
        isLate = true;
      });
      await takeMisses();
      while (!isLate) {
        const came = readAll(socket.fd, answer);
        if (came > 0) await new Promise((resolve) => setImmediate(resolve));
        // Who asks while the last ones are waited for has nobody else to answer, either.
        else if (socket.inFlight > 0) await new Promise((resolve) => setTimeout(resolve, CLOSING_POLL_MS));
        else break;
      }
      cancel();
      lostBefore += libc().droppedAt(socket.fd);
      closeSync(socket.fd);
      sockets.delete(socket.index);
      free.push(socket.index);
    },
    lost: () => [...sockets.values()].reduce((sum, { fd }) => sum + libc().droppedAt(fd), lostBefore),
  };
}
