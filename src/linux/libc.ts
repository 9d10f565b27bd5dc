import { createRequire } from "node:module";
import { getSystemErrorName } from "node:util";
import { CodedError, messageOf } from "../base/errors.ts";

/** The system calls that Node has no function for. Each throws a `SystemError` where C returns -1. */
export interface Libc {
  setns(fd: number, type: number): void;
  /** Returns the descriptor, which is the caller's to close. */
  socket(domain: number, type: number, protocol: number): number;
  /** `address` is a whole `struct sockaddr_in` or `sockaddr_in6`. */
  bind(fd: number, address: Uint8Array): void;
  connect(fd: number, address: Uint8Array): void;
  listen(fd: number, backlog: number): void;
  /** One `int`, or more of them for options that are a struct of such. */
  setsockopt(fd: number, level: number, option: number, ...values: number[]): void;
  /** Fills in a whole `struct sockaddr_in` or `sockaddr_in6`. */
  getsockname(fd: number, address: Uint8Array): void;
  /** Returns how many octets went out. */
  send(fd: number, octets: Uint8Array, flags: number): number;
  /** Returns how many octets were put into `octets`. */
  recv(fd: number, octets: Uint8Array, flags: number): number;
  /** Sends an empty datagram, and returns 0 or the errno: for one that is meant to be refused. */
  sendNothing(fd: number, flags: number, to: Uint8Array): number;
  /** Returns how many octets went out, or minus the errno. */
  sendTo(fd: number, octets: Uint8Array, flags: number, to: Uint8Array): number;
  /**
   * Returns how many octets were put into `octets`, or minus the errno; `from` is filled in, and `fromLength[0]`, its
   * size at first, says how much of it.
   */
  receiveFrom(
    fd: number,
    octets: Uint8Array,
    flags: number,
    from: Uint8Array,
    fromLength: Uint32Array,
  ): number;
  /** An array of `count` struct mmsghdr; returns how many were received, or minus the errno. */
  receiveMany(fd: number, messages: Uint8Array, count: number, flags: number): number;
  /** Returns how many were sent, from the first on, or minus the errno if that one could not be. */
  sendMany(fd: number, messages: Uint8Array, count: number, flags: number): number;
  /** Returns the descriptor, closed on exec. */
  epoll(): number;
  /** `event` is one struct epoll_event. */
  epollControl(epoll: number, operation: number, fd: number, event: Uint8Array): void;
  /** Waits `ms` at most; returns how many struct epoll_event were put into `events`, or minus the errno. */
  epollWait(epoll: number, events: Uint8Array, count: number, ms: number): number;
  /** Returns a descriptor, closed on exec, whose reads and writes don't block. */
  eventfd(): number;
  /** Whether the descriptor takes more to send within `ms`. */
  isWritable(fd: number, ms: number): boolean;
  /** How many datagrams the kernel threw away that were for this socket, modulo 2 ** 32 (SO_MEMINFO, Linux 4.12). */
  droppedAt(fd: number): number;
  /** Where the octets are in memory, for a struct that points to them. They must be more than 64, and stay. */
  pointerTo(octets: Uint8Array): number;
  /** For requests whose argument is a struct, which the kernel may fill in. */
  ioctl(fd: number, request: number, argument: Uint8Array): void;
  /** Another descriptor, closed on exec, for the same thing: the lowest that is free from `lowest` up. */
  duplicate(fd: number, lowest: number): number;
}

export type Support = { readonly ok: true } | { readonly ok: false; readonly why: string };

/** A refused system call; `code` is the symbolic name, as in Node's own errors. */
export class SystemError extends Error {
  override readonly name = "SystemError";
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;

  constructor(syscall: string, errno: number) {
    const code = getSystemErrorName(-errno);
    super(`${syscall}: ${code}`);
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

/** The symbolic errno (`EADDRINUSE`) of a system error, or of the one that a CodedError has for its cause. */
export function errnoName(error: unknown): string | undefined {
  if (error instanceof CodedError) return errnoName(error.cause);
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : undefined;
}

/** Whether `libc()` works here. Never throws. */
export function linuxSupport(): Support {
  const state = load();
  return "why" in state ? { ok: false, why: state.why } : { ok: true };
}

/** Throws CodedError UNSUPPORTED where `linuxSupport` says no. */
export function libc(): Libc {
  const state = load();
  if ("why" in state) {
    throw new CodedError("UNSUPPORTED", `Cannot call the C library: ${state.why}`, {
      remedy: "Run it on Linux (x64 or arm64), installed with optional dependencies (`npm ci`)",
    });
  }
  return state;
}

let loaded: Libc | { readonly why: string } | undefined;

/** Loads at first use: importing this file must work on every platform. */
function load(): Libc | { readonly why: string } {
  loaded ??= tryLoad();
  return loaded;
}

function tryLoad(): Libc | { readonly why: string } {
  if (process.platform !== "linux") return { why: `this is ${process.platform}, not Linux` };
  // The numbers that callers pass are those of these two; other architectures have others (MIPS, SPARC).
  if (process.arch !== "x64" && process.arch !== "arm64") return { why: `${process.arch} is not supported` };
  try {
    const koffi: typeof import("koffi") = createRequire(import.meta.url)("koffi");
    return bindings(koffi);
  } catch (error) {
    return { why: `koffi did not load: ${firstLine(messageOf(error))}` };
  }
}

/** Node adds who required what, which is of no use to who reads the log. */
function firstLine(text: string): string {
  return text.split("\n", 1)[0]!;
}

// Of fcntl.h, sys/epoll.h, sys/eventfd.h and poll.h, the same on x64 and arm64.
const F_DUPFD_CLOEXEC = 1030;
const EPOLL_CLOEXEC = 0x80000;
const EFD_CLOEXEC = 0x80000;
const EFD_NONBLOCK = 0x800;
const POLLOUT = 4;
// Of sys/socket.h and linux/sock_diag.h.
const SOL_SOCKET = 1;
const SO_MEMINFO = 55;
const MEMINFO_WORDS = 9;
const MEMINFO_DROPS = 8;

function bindings(koffi: typeof import("koffi")): Libc {
  // Null is the running process itself, which has its libc loaded: right for glibc and musl by whatever name.
  const library = koffi.load(null);
  const setns: (fd: number, type: number) => number = library.func("int setns(int fd, int type)");
  const socket: (domain: number, type: number, protocol: number) => number = library.func(
    "int socket(int domain, int type, int protocol)",
  );
  const bind: (fd: number, address: Uint8Array, length: number) => number = library.func(
    "int bind(int fd, const void *address, uint32_t length)",
  );
  const connect: (fd: number, address: Uint8Array, length: number) => number = library.func(
    "int connect(int fd, const void *address, uint32_t length)",
  );
  const listen: (fd: number, backlog: number) => number = library.func("int listen(int fd, int backlog)");
  const setsockopt: (fd: number, level: number, option: number, value: Int32Array, length: number) => number =
    library.func("int setsockopt(int fd, int level, int option, const void *value, uint32_t length)");
  const getsockname: (fd: number, address: Uint8Array, length: Uint32Array) => number = library.func(
    "int getsockname(int fd, void *address, void *length)",
  );
  const getsockopt: (
    fd: number,
    level: number,
    option: number,
    value: Uint32Array,
    length: Uint32Array,
  ) => number = library.func("int getsockopt(int fd, int level, int option, void *value, void *length)");
  const send: (fd: number, octets: Uint8Array, length: number, flags: number) => number = library.func(
    "long send(int fd, const void *octets, size_t length, int flags)",
  );
  const recv: (fd: number, octets: Uint8Array, length: number, flags: number) => number = library.func(
    "long recv(int fd, void *octets, size_t length, int flags)",
  );
  const sendto: (
    fd: number,
    octets: null,
    length: number,
    flags: number,
    to: Uint8Array,
    toLength: number,
  ) => number = library.func(
    "long sendto(int fd, const void *octets, size_t length, int flags, const void *to, uint32_t toLength)",
  );
  const sendOctetsTo: (
    fd: number,
    octets: Uint8Array,
    length: number,
    flags: number,
    to: Uint8Array,
    toLength: number,
  ) => number = library.func(
    "long sendto(int fd, const void *octets, size_t length, int flags, const void *to, uint32_t toLength)",
  );
  const recvfrom: (
    fd: number,
    octets: Uint8Array,
    length: number,
    flags: number,
    from: Uint8Array,
    fromLength: Uint32Array,
  ) => number = library.func(
    "long recvfrom(int fd, void *octets, size_t length, int flags, void *from, void *fromLength)",
  );
  const recvmmsg: (fd: number, messages: Uint8Array, count: number, flags: number, timeout: null) => number =
    library.func("int recvmmsg(int fd, void *messages, unsigned int count, int flags, void *timeout)");
  const sendmmsg: (fd: number, messages: Uint8Array, count: number, flags: number) => number = library.func(
    "int sendmmsg(int fd, void *messages, unsigned int count, int flags)",
  );
  const epollCreate: (flags: number) => number = library.func("int epoll_create1(int flags)");
  const epollCtl: (epoll: number, operation: number, fd: number, event: Uint8Array) => number = library.func(
    "int epoll_ctl(int epoll, int operation, int fd, void *event)",
  );
  const epollWait: (epoll: number, events: Uint8Array, count: number, ms: number) => number = library.func(
    "int epoll_wait(int epoll, void *events, int count, int ms)",
  );
  const eventfd: (value: number, flags: number) => number = library.func(
    "int eventfd(unsigned int value, int flags)",
  );
  const poll: (fds: Uint8Array, count: number, ms: number) => number = library.func(
    "int poll(void *fds, unsigned long count, int ms)",
  );
  const memmove: (to: Uint8Array, from: Uint8Array, length: number) => number = library.func(
    "uintptr_t memmove(void *to, const void *from, size_t length)",
  );
  // Variadic in C; the number of the command tells what follows.
  const fcntl: (fd: number, command: number, type: "int", value: number) => number = library.func(
    "int fcntl(int fd, int command, ...)",
  );
  const ioctl: (fd: number, request: number, type: "void *", argument: Uint8Array) => number = library.func(
    "int ioctl(int fd, unsigned long request, ...)",
  );

  function checked(syscall: string, result: number): number {
    if (result === -1) throw new SystemError(syscall, koffi.errno());
    return result;
  }

  function orErrno(result: number): number {
    return result === -1 ? -koffi.errno() : result;
  }

  return {
    setns: (fd, type) => void checked("setns", setns(fd, type)),
    socket: (domain, type, protocol) => checked("socket", socket(domain, type, protocol)),
    bind: (fd, address) => void checked("bind", bind(fd, address, address.length)),
    connect: (fd, address) => void checked("connect", connect(fd, address, address.length)),
    listen: (fd, backlog) => void checked("listen", listen(fd, backlog)),
    setsockopt: (fd, level, option, ...values) =>
      void checked("setsockopt", setsockopt(fd, level, option, Int32Array.from(values), 4 * values.length)),
    getsockname: (fd, address) =>
      void checked("getsockname", getsockname(fd, address, Uint32Array.of(address.length))),
    send: (fd, octets, flags) => checked("send", send(fd, octets, octets.length, flags)),
    recv: (fd, octets, flags) => checked("recv", recv(fd, octets, octets.length, flags)),
    sendNothing: (fd, flags, to) => (sendto(fd, null, 0, flags, to, to.length) === -1 ? koffi.errno() : 0),
    sendTo: (fd, octets, flags, to) => orErrno(sendOctetsTo(fd, octets, octets.length, flags, to, to.length)),
    receiveFrom: (fd, octets, flags, from, fromLength) =>
      orErrno(recvfrom(fd, octets, octets.length, flags, from, fromLength)),
    receiveMany: (fd, messages, count, flags) => orErrno(recvmmsg(fd, messages, count, flags, null)),
    sendMany: (fd, messages, count, flags) => orErrno(sendmmsg(fd, messages, count, flags)),
    epoll: () => checked("epoll_create1", epollCreate(EPOLL_CLOEXEC)),
    epollControl: (epoll, operation, fd, event) =>
      void checked("epoll_ctl", epollCtl(epoll, operation, fd, event)),
    epollWait: (epoll, events, count, ms) => orErrno(epollWait(epoll, events, count, ms)),
    eventfd: () => checked("eventfd", eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
    isWritable(fd, ms) {
      const fds = Buffer.alloc(8);
      fds.writeInt32LE(fd, 0);
      fds.writeInt16LE(POLLOUT, 4);
      return poll(fds, 1, ms) === 1;
    },
    droppedAt(fd) {
      const words = new Uint32Array(MEMINFO_WORDS);
      const length = Uint32Array.of(4 * MEMINFO_WORDS);
      return getsockopt(fd, SOL_SOCKET, SO_MEMINFO, words, length) === 0 ? words[MEMINFO_DROPS]! : 0;
    },
    // What memmove returns is where it moved to; a move of nothing tells just that.
    pointerTo: (octets) => memmove(octets, octets, 0),
    ioctl: (fd, request, argument) => void checked("ioctl", ioctl(fd, request, "void *", argument)),
    duplicate: (fd, lowest) => checked("fcntl", fcntl(fd, F_DUPFD_CLOEXEC, "int", lowest)),
  };
}
