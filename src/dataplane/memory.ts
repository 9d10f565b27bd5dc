import { type TableMemory, tableMemory } from "./answer-table.ts";
import { ringMemory } from "./ring.ts";
import { STAMPS_OCTETS } from "./stamps.ts";
import { USES } from "./uses.ts";

/** Rows of the table of clients; row 0 is nobody's. */
export const CLIENTS_MAX = 4096;
/**
 * In how many columns a client's answers are counted: each is one type, rcode and origin. Enough for all that can be
 * (daemon/plane-columns.test.ts), for a column is given away for good.
 */
export const COLUMNS = 208;
/** Types of which it is known in which column they are counted when they are shed: all that have names. */
export const SHED_TYPES = 512;
export const SOCKETS_MAX = 8192;

/** Words of a socket's row. */
export const Socket = { FD: 0, GENERATION: 1, CLIENT: 2, WORDS: 4 } as const;
/** In place of a descriptor: the row is free. */
export const CLOSED = 0xffff_ffff;
/** In place of a client: it depends on the address that a query comes from. */
export const BY_ADDRESS = 0xffff_ffff;

/** Questions to upstreams that the workers listen to at a time: twice as many as may be in flight. */
export const FLOWS_MAX = 16_384;
/** Words of a flow's row. */
export const FlowRow = { FD: 0, GENERATION: 1, WORDS: 2 } as const;
/** What a worker is told to look at is a socket's row or, from here on, a flow's. */
export const FIRST_FLOW = 0x4000_0000;

/** Words of a worker's own memory. The first one is what `quiescence.ts` tells of. */
export const Control = {
  EPOCH: 0,
  STOP: 1,
  WATCHED: 2,
  SHED: 3,
  UNSENT: 4,
  UNSEEN: 5,
  MALFORMED: 6,
  IGNORED: 7,
  WORDS: 16,
} as const;

/** What the threads of the data plane have in common. The control plane writes it all but what is a worker's own. */
export interface PlaneMemory {
  /** Of the hash of names, different in each process. */
  readonly seed: number;
  readonly table: TableMemory;
  readonly sockets: SharedArrayBuffer;
  readonly flows: SharedArrayBuffer;
  /** The view of each client; 0: not known at the moment. */
  readonly views: SharedArrayBuffer;
  /** Which answers were given; the workers write here, too. */
  readonly uses: SharedArrayBuffer;
  /** In which column a query that is shed is counted, by its type: what has no name counts like type 0. */
  readonly shedColumns: SharedArrayBuffer;
}

/** One worker's own. */
export interface WorkerMemory {
  readonly control: SharedArrayBuffer;
  /** For each client the columns. */
  readonly counts: SharedArrayBuffer;
  readonly misses: SharedArrayBuffer;
  /** What upstreams said: apart from the misses, so that a flood of these does not keep answers out. */
  readonly heard: SharedArrayBuffer;
  /** Answers given, while somebody watches. */
  readonly seen: SharedArrayBuffer;
  readonly epoll: number;
  readonly eventfd: number;
}

/** Some 40,000 queries, for the time that the control plane is busy with something else. */
const MISSES_OCTETS = 4 * 1024 * 1024;
/** Some thousands of replies. */
const HEARD_OCTETS = 1024 * 1024;
const SEEN_OCTETS = 1024 * 1024;

export function planeMemory(tableOctets: number): PlaneMemory {
  return {
    seed: Math.floor(Math.random() * 2 ** 32) | 0,
    table: tableMemory(tableOctets, new SharedArrayBuffer(STAMPS_OCTETS)),
    sockets: new SharedArrayBuffer(4 * Socket.WORDS * SOCKETS_MAX),
    flows: new SharedArrayBuffer(4 * FlowRow.WORDS * FLOWS_MAX),
    views: new SharedArrayBuffer(4 * CLIENTS_MAX),
    uses: new SharedArrayBuffer(USES),
    shedColumns: new SharedArrayBuffer(4 * SHED_TYPES),
  };
}

export function workerMemory({ epoll, eventfd }: Pick<WorkerMemory, "epoll" | "eventfd">): WorkerMemory {
  return {
    control: new SharedArrayBuffer(4 * Control.WORDS),
    counts: new SharedArrayBuffer(4 * CLIENTS_MAX * COLUMNS),
    misses: ringMemory(MISSES_OCTETS),
    heard: ringMemory(HEARD_OCTETS),
    seen: ringMemory(SEEN_OCTETS),
    epoll,
    eventfd,
  };
}

/** What stands before the octets of a message in the ring of misses: row and generation of its socket, ... */
export const Miss = { SOCKET: 0, GENERATION: 1, ADDRESS_LENGTH: 2, ADDRESS: 4, HEADER_WORDS: 12 } as const;
/** ... and in that of answers given: row of the client, column. */
export const Seen = { CLIENT: 0, COLUMN: 1, HEADER_WORDS: 2 } as const;
/**
 * ... and in that of what upstreams said: key and generation of the flow; the errno, or 0 where a message follows, and
 * how many were read with it.
 */
export const Heard = { FLOW: 0, GENERATION: 1, ERRNO: 2, COUNT: 3, HEADER_WORDS: 4 } as const;
