import { closeSync } from "node:fs";
import { isIPv4 } from "node:net";
import { networkInterfaces } from "node:os";
import { addressOctets, type SocketAddress } from "../base/address.ts";
import { libc } from "./libc.ts";
import { inNamespace, type Namespace } from "./namespace.ts";

// Numbers of sys/socket.h and netinet/in.h, the same on x64 and arm64.
const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0x800;
const SOCK_CLOEXEC = 0x80000;
const SOL_SOCKET = 1;
const SO_REUSEADDR = 2;
const SO_RCVBUF = 8;
const SO_RCVBUFFORCE = 33;

/**
 * Octets of datagrams that may wait for us; the kernel doubles it and counts 832 for a query, so some 2,500. With
 * its default, 256, Docker's resolver lost 1,327 of a burst of 3,000.
 */
const RECEIVE_BUFFER = 1024 * 1024;
const BACKLOG = 128;
const MSG_PEEK = 2;
const SOL_IP = 0;
const IP_TRANSPARENT = 19;
const IPPROTO_IPV6 = 41;
const IPV6_V6ONLY = 26;
/** Octets of a `struct sockaddr_in6`. */
const SOCKADDR_IN6 = 28;
/** The kernel delivers over the loopback while we send, unless a processor is overloaded. */
const ARRIVES_MS = 20;

/**
 * A UDP socket and a listening TCP socket at one IPv4 address inside the namespace: both or, if it throws, none.
 * The descriptors don't block, are closed on exec, and are the caller's. Throws SystemError (EADDRINUSE:
 * somebody answers there; EADDRNOTAVAIL or ENETUNREACH: there is no such address, so for 127.0.0.11 `lo` is down),
 * or as `inNamespace` does.
 */
export function serverSockets(namespace: Namespace, at: SocketAddress): { udp: number; tcp: number } {
  return inNamespace(namespace, () => {
    probe(at);
    return bothServers(at, () => {});
  });
}

function bothServers(at: SocketAddress, prepare: (fd: number) => void): { udp: number; tcp: number } {
  const udp = udpServer(at, prepare);
  try {
    return { udp, tcp: tcpServer(at, prepare) };
  } catch (error) {
    closeSync(udp);
    throw error;
  }
}

/**
 * The same in this process' own namespace, at an address that it need not have yet or any more: the sockets answer
 * from it nevertheless (IP_TRANSPARENT). Throws SystemError: EPERM without CAP_NET_ADMIN.
 */
export function serverSocketsAnywhere(at: SocketAddress): { udp: number; tcp: number } {
  const transparent = (fd: number): void => libc().setsockopt(fd, SOL_IP, IP_TRANSPARENT, 1);
  return bothServers(at, transparent);
}

/**
 * Whether a datagram that is sent to `at` in the namespace reaches `udp`, our socket there: it does not where rules of
 * somebody else's send it elsewhere (Docker's NAT). It is an empty one, which DNS servers pass over; a query that
 * comes meanwhile tells the same.
 */
export function arrives(namespace: Namespace, at: SocketAddress, udp: number): boolean {
  const client = inNamespace(namespace, () => socket(AF_INET, SOCK_DGRAM, () => {}));
  try {
    if (libc().sendNothing(client, 0, ipv4Address(at)) !== 0) return false;
    for (const deadline = performance.now() + ARRIVES_MS; performance.now() < deadline; ) {
      if (isReadable(udp)) return true;
    }
    return false;
  } finally {
    closeSync(client);
  }
}

function isReadable(fd: number): boolean {
  try {
    libc().recv(fd, Buffer.alloc(1), MSG_PEEK);
    return true;
  } catch {
    return false;
  }
}

/**
 * A UDP socket to ask from inside the namespace, bound to a random port of its own, but not connected. As for
 * errors and ownership, like `serverSockets`.
 */
export function udpClientSocket(namespace: Namespace, family: 4 | 6): number {
  return inNamespace(namespace, () =>
    // Bound here and not by `connect`: libuv sets SO_REUSEADDR on every UDP descriptor that it adopts, and a
    // port chosen after that may be one that another such socket has (seen: 164 of 3,000). Two upstream queries
    // on one port would get each other's answers, and a spoofer fewer ports to guess (RFC 5452 §4.5).
    socket(family === 4 ? AF_INET : AF_INET6, SOCK_DGRAM, (fd) => libc().bind(fd, anyAddress(family))),
  );
}

/**
 * A UDP socket that is connected to `server`, from a random port of its own: in the namespace, or in this process' own.
 * As for errors and ownership, like `serverSockets`; ENETUNREACH and the like are thrown, too.
 */
export function connectedUdpSocket(server: SocketAddress, namespace?: Namespace): number {
  const make = (): number => {
    const to = upstreamAddress(server);
    return socket(to.length === SOCKADDR_IN6 ? AF_INET6 : AF_INET, SOCK_DGRAM, (fd) =>
      libc().connect(fd, to),
    );
  };
  return namespace === undefined ? make() : inNamespace(namespace, make);
}

/** A TCP socket to ask from inside the namespace, neither bound nor connected; else like `udpClientSocket`. */
export function tcpClientSocket(namespace: Namespace, family: 4 | 6): number {
  return inNamespace(namespace, () => socket(family === 4 ? AF_INET : AF_INET6, SOCK_STREAM, () => {}));
}

/**
 * Throws ENETUNREACH where no interface was ever up. There the kernel, having no table of local addresses, lets any
 * address be bound as if it were a broadcast one (fib_frontend.c, `__inet_dev_addr_type`), and a UDP socket bound
 * so has no source address for good: 127.0.0.11 would answer as 127.0.0.1, to which clients don't listen.
 */
function probe(at: SocketAddress): void {
  closeSync(socket(AF_INET, SOCK_DGRAM, (fd) => libc().connect(fd, ipv4Address(at))));
}

/**
 * A UDP socket bound in this process' own namespace, and its port, which the kernel chooses for 0. Throws SystemError.
 * Else like `serverSockets`.
 */
export function udpServerHere(at: SocketAddress): { fd: number; port: number } {
  const family = isIPv4(at.address) ? AF_INET : AF_INET6;
  const bound = socketAddress(at);
  const fd = socket(family, SOCK_DGRAM, (made) => {
    const { bind, getsockname, setsockopt } = libc();
    if (family === AF_INET6) setsockopt(made, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    bind(made, bound);
    getsockname(made, bound);
    setReceiveBuffer(made);
  });
  return { fd, port: (bound[2]! << 8) | bound[3]! };
}

function udpServer(at: SocketAddress, prepare: (fd: number) => void): number {
  return socket(AF_INET, SOCK_DGRAM, (fd) => {
    const { bind, setsockopt } = libc();
    prepare(fd);
    bind(fd, ipv4Address(at));
    // Only now: before, it would have hidden that somebody else answers here. From now on it lets a DNS server
    // of the container's own bind 0.0.0.0:53, if that sets it, too; for TCP no such thing helps (docs/differences.md).
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    setReceiveBuffer(fd);
  });
}

function setReceiveBuffer(fd: number): void {
  const { setsockopt } = libc();
  try {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, RECEIVE_BUFFER);
  } catch {
    // Without CAP_NET_ADMIN there: as much as net.core.rmem_max allows.
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, RECEIVE_BUFFER);
  }
}

function tcpServer(at: SocketAddress, prepare: (fd: number) => void): number {
  return socket(AF_INET, SOCK_STREAM, (fd) => {
    const { bind, listen, setsockopt } = libc();
    prepare(fd);
    // For TCP this does not hide a listener; it is so that connections of an earlier one in TIME_WAIT don't matter.
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    bind(fd, ipv4Address(at));
    listen(fd, BACKLOG);
  });
}

/** A descriptor that doesn't block and is closed on exec, made where the calling thread is; none if `prepare` throws. */
export function socket(domain: number, type: number, prepare: (fd: number) => void): number {
  const fd = libc().socket(domain, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  try {
    prepare(fd);
    return fd;
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

/** `struct sockaddr_in`: the family in the machine's order (little-endian on both), the rest in the network's. */
export function ipv4Address({ address, port }: SocketAddress): Uint8Array {
  if (!isIPv4(address)) throw new TypeError(`Cannot bind "${address}": not an IPv4 address`);
  const octets = Buffer.alloc(16);
  octets.writeUInt16LE(AF_INET, 0);
  octets.writeUInt16BE(port, 2);
  octets.set(address.split(".").map(Number), 4);
  return octets;
}

/** Addresses of upstreams, which every query to them needs anew. The number of an interface may change. */
const lasting = new WeakMap<SocketAddress, Uint8Array>();

function upstreamAddress(at: SocketAddress): Uint8Array {
  const known = lasting.get(at);
  if (known !== undefined) return known;
  const octets = socketAddress(at);
  if (!at.address.includes("%")) lasting.set(at, octets);
  return octets;
}

/** `struct sockaddr_in` or `sockaddr_in6`. The scope of a link-local address is the name or number after its `%`. */
function socketAddress(at: SocketAddress): Uint8Array {
  if (isIPv4(at.address)) return ipv4Address(at);
  const [address = "", scope] = at.address.split("%");
  const octets = Buffer.alloc(SOCKADDR_IN6);
  octets.writeUInt16LE(AF_INET6, 0);
  octets.writeUInt16BE(at.port, 2);
  octets.set(addressOctets(address), 8);
  if (scope !== undefined) octets.writeUInt32LE(scopeOf(scope), 24);
  return octets;
}

function scopeOf(text: string): number {
  const named = networkInterfaces()[text]?.find(({ scopeid }) => scopeid !== undefined && scopeid !== 0);
  return named?.scopeid ?? (Number(text) || 0);
}

/** `0.0.0.0` or `::`, port 0. */
function anyAddress(family: 4 | 6): Uint8Array {
  const octets = Buffer.alloc(family === 4 ? 16 : SOCKADDR_IN6);
  octets.writeUInt16LE(family === 4 ? AF_INET : AF_INET6, 0);
  return octets;
}
