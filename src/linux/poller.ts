import { closeSync, readSync, writeSync } from "node:fs";
import { libc } from "./libc.ts";

// Of sys/epoll.h, the same on x64 and arm64.
const EPOLL_CTL_ADD = 1;
const EPOLL_CTL_DEL = 2;
const EPOLL_CTL_MOD = 3;
const EPOLLIN = 1;
const EPOLLEXCLUSIVE = 2 ** 28;
const EPOLLONESHOT = 2 ** 30;
/** Packed on x64 only. */
const EVENT_OCTETS = process.arch === "x64" ? 12 : 16;
const DATA = process.arch === "x64" ? 4 : 8;
const EVENTS = 64;

/** Says that `wake` was called, in place of what a descriptor was added with. */
export const WOKEN = 0xffff_ffff;

/** Which descriptors a thread is to look at: any thread may change that, for the descriptors are the process'. */
export interface PollSet {
  readonly epoll: number;
  readonly eventfd: number;
  /** When there is something to read, `key` and `detail`, 32 bits each, come out of `Poller`. */
  add(fd: number, key: number, detail: number): void;
  /** The same, but only once: from then on nothing comes out for it, until `onceMore`. */
  addOnce(fd: number, key: number, detail: number): void;
  onceMore(fd: number, key: number, detail: number): void;
  remove(fd: number): void;
  /** Makes the thread that waits go on; what `Poller` gives says so. */
  wake(): void;
  close(): void;
}

/** `isShared`: other threads look at the same descriptors in sets of their own, and one of them is woken at a time. */
export function pollSet(isShared: boolean): PollSet {
  const { epoll: create, epollControl, eventfd: createEventfd } = libc();
  const epoll = create();
  const eventfd = createEventfd();
  const one = Buffer.alloc(8);
  one.writeBigUInt64LE(1n);

  const event = new Uint32Array(new ArrayBuffer(EVENT_OCTETS));
  const eventOctets = new Uint8Array(event.buffer);

  function control(operation: number, fd: number, key: number, detail: number, flags: number): void {
    event[0] = EPOLLIN | flags;
    event[DATA >> 2] = key;
    event[(DATA >> 2) + 1] = detail;
    epollControl(epoll, operation, fd, eventOctets);
  }
  const sharing = isShared ? EPOLLEXCLUSIVE : 0;

  control(EPOLL_CTL_ADD, eventfd, WOKEN, 0, 0);
  return {
    epoll,
    eventfd,
    add: (fd, key, detail) => control(EPOLL_CTL_ADD, fd, key, detail, sharing),
    addOnce: (fd, key, detail) => control(EPOLL_CTL_ADD, fd, key, detail, EPOLLONESHOT),
    onceMore: (fd, key, detail) => control(EPOLL_CTL_MOD, fd, key, detail, EPOLLONESHOT),
    remove: (fd) => control(EPOLL_CTL_DEL, fd, 0, 0, 0),
    wake: () => void writeSync(eventfd, one),
    close() {
      closeSync(epoll);
      closeSync(eventfd);
    },
  };
}

/** The side of the thread that waits. Allocates nothing. */
export interface Poller {
  /** Waits `ms` at most; returns how many descriptors have something. */
  wait(ms: number): number;
  key(i: number): number;
  detail(i: number): number;
  /** After `WOKEN`: until the next `wake` there is nothing. */
  rest(): void;
}

export function poller({ epoll, eventfd }: { readonly epoll: number; readonly eventfd: number }): Poller {
  const { epollWait } = libc();
  const events = new Uint8Array(new ArrayBuffer(EVENTS * EVENT_OCTETS));
  const words = new Uint32Array(events.buffer);
  const scratch = Buffer.alloc(8);
  return {
    wait: (ms) => Math.max(0, epollWait(epoll, events, EVENTS, ms)),
    key: (i) => words[(i * EVENT_OCTETS + DATA) >> 2]!,
    detail: (i) => words[((i * EVENT_OCTETS + DATA) >> 2) + 1]!,
    rest: () => void readSync(eventfd, scratch),
  };
}
