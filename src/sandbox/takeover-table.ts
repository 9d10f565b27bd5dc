import type { SocketAddress } from "../base/address.ts";
import {
  accept,
  type DynamicSet,
  destinationPort,
  drop,
  hasBits,
  ipDestination,
  ipProtocol,
  ipSource,
  is,
  isIn,
  isNot,
  notrack,
  remove,
  sourcePort,
  type Table,
  tcpFlags,
  update,
} from "../linux/nftables.ts";

export const TABLE_NAME = "eleven";

/** A process that has not beaten for so long answers no more, and is taken for hung. */
export const ALIVE_MS = 2500;
/** Longer than a silent connection lives here (server/tcp-connection.ts). */
const FLOW_MS = 60_000;

const UDP = 17;
const TCP = 6;
const SYN = 0x02;
const RST = 0x04;
const ACK = 0x10;

/** Holds our address while we are alive: then new conversations are ours. */
const alive: DynamicSet = { name: "alive", key: [ipDestination], timeoutMs: ALIVE_MS, size: 16 };
/** The TCP connections that began while we were alive, by the client's address and port: they are ours to their end. */
const flows: DynamicSet = { name: "flows", key: [ipSource, sourcePort], timeoutMs: FLOW_MS, size: 65_536 };

/**
 * The table that takes `at` over from whoever has had packets to it translated (Docker: DNAT from 127.0.0.11:53 to a
 * random port of dockerd's), without touching those rules: what connection tracking has not seen, NAT does not
 * change, so it arrives at the literal port, where we listen. Nothing is ours until the first beat.
 *
 * - A **beat** is a datagram from `at` to `at`; the table eats it and counts us alive for another `ALIVE_MS`. A process
 *   that hangs beats no more, and packets go the old way by themselves.
 * - The **lifeline** is a TCP connection of `at`'s address with itself at `lifelinePort`; its reset, which the kernel
 *   sends when the process has ended, ends our being alive at once.
 * - UDP queries are ours while we are alive; answers from `at` always leave as they are, also late ones: tracked,
 *   they would make an entry that sends the client's next query to nobody.
 * - A TCP connection stays with whom it began: one of Docker's is not broken when we come, nor ours when we go.
 */
export function takeoverTable(at: SocketAddress, lifelinePort: number): Table {
  const { address, port } = at;
  const toUs = [is(ipDestination, address)] as const;
  const fromUs = [is(ipSource, address)] as const;
  const udp = is(ipProtocol, UDP);
  const tcp = is(ipProtocol, TCP);
  const begins = hasBits(tcpFlags, SYN | ACK, SYN);
  const lifeline = [...fromUs, ...toUs, tcp, is(sourcePort, lifelinePort), is(destinationPort, lifelinePort)];
  const rules = [
    // First, and nothing after it: every answer passes here on our time.
    [...fromUs, udp, is(sourcePort, port), isNot(ipDestination, address), notrack, accept],
    [isNot(ipSource, address), isNot(ipDestination, address), accept],
    [
      ...fromUs,
      ...toUs,
      udp,
      is(sourcePort, port),
      is(destinationPort, port),
      update(alive, ipDestination),
      drop,
    ],
    [...lifeline, notrack],
    [...lifeline, hasBits(tcpFlags, RST, RST), remove(alive, ipDestination)],
    [...fromUs, udp, is(sourcePort, port), notrack],
    [...fromUs, tcp, is(sourcePort, port), notrack, update(flows, ipDestination, destinationPort)],
    [...toUs, udp, is(destinationPort, port), isIn(alive, ipDestination), notrack, accept],
    // The client may use the port of an earlier connection again: what it was does not count.
    [...toUs, tcp, is(destinationPort, port), begins, remove(flows, ipSource, sourcePort)],
    [
      ...toUs,
      tcp,
      is(destinationPort, port),
      begins,
      isIn(alive, ipDestination),
      update(flows, ipSource, sourcePort),
    ],
    [...toUs, tcp, is(destinationPort, port), isIn(flows, ipSource, sourcePort), notrack],
  ];
  return {
    name: TABLE_NAME,
    sets: [alive, flows],
    chains: [{ hook: "output", rules }],
  };
}
