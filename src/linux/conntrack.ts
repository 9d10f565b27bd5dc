import type { SocketAddress } from "../base/address.ts";
import { errnoName } from "./libc.ts";
import {
  type Attribute,
  ask,
  attribute,
  attributesOf,
  type NetlinkMessage,
  NLM_F_DUMP,
  nested,
  transact,
} from "./netlink.ts";

// The words of conntrack(8) as the kernel takes them: linux/netfilter/nfnetlink_conntrack.h.
const NFNL_SUBSYS_CTNETLINK = 1;
const IPCTNL_MSG_CT_GET = 1;
const IPCTNL_MSG_CT_DELETE = 2;
const IPCTNL_MSG_CT_GET_STATS = 5;
const CTA_STATS_GLOBAL_ENTRIES = 1;
const CTA_TUPLE_ORIG = 1;
const CTA_TUPLE_REPLY = 2;
const CTA_TIMEOUT = 7;
const CTA_ID = 12;
const CTA_FILTER = 25;
/** Which parts of the tuple count: the destination, the protocol, and the destination's port. */
const CTA_FILTER_ORIG_FLAGS = (1 << 1) | (1 << 3) | (1 << 5);
const CTA_FILTER_PORT_FLAGS = (1 << 3) | (1 << 5);
const UDP = 17;
/** struct nfgenmsg: AF_INET. */
const FAMILY_HEADER = Uint8Array.of(2, 0, 0, 0);

/**
 * Makes connection tracking forget the UDP conversations that were begun with `to` in the namespace of this netlink
 * socket, if the server that they were sent on to `isOver`, and so where NAT sent them: the next packet of such a
 * client is looked up in the rules anew. Returns how many. Throws NetlinkError: EPERM without CAP_NET_ADMIN, EINVAL
 * without `nf_conntrack_netlink`.
 *
 * Where anything is tracked at all, the kernel goes through the table that all namespaces share: some 10 ms.
 */
export function forgetUdp(
  netlink: number,
  to: SocketAddress,
  isOver: (server: SocketAddress) => boolean,
): number {
  if (trackedEntries(netlink) === 0) return 0;
  const entries = ask(netlink, entriesTo(to)).filter((entry) => {
    const conversation = parsed(entry);
    return conversation !== undefined && isOver(conversation.server);
  });
  return entries.filter((entry) => forget(netlink, entry)).length;
}

/** One UDP conversation, as connection tracking keeps it for address translation. */
export interface Conversation {
  readonly client: SocketAddress;
  /** Whom the client sends to. */
  readonly to: SocketAddress;
  /** Whom its packets are sent on to, and whose answers it gets: `to`, but for DNAT. */
  readonly server: SocketAddress;
  /** Until it is forgotten, unless a packet comes before. */
  readonly expiresInS: number;
}

/**
 * The IPv4 UDP conversations that were begun with this port of anybody, in the namespace of this netlink socket. Throws
 * as `forgetUdp` does, and costs the same.
 */
export function conversations(netlink: number, port: number): Conversation[] {
  if (trackedEntries(netlink) === 0) return [];
  const wanted = message(IPCTNL_MSG_CT_GET, NLM_F_DUMP, "the list of tracked connections", [
    nested(CTA_TUPLE_ORIG, portTuple(port)),
    nested(CTA_FILTER, attribute(1, Uint8Array.of(CTA_FILTER_PORT_FLAGS, 0, 0, 0))),
  ]);
  return ask(netlink, wanted).flatMap((entry) => parsed(entry) ?? []);
}

/**
 * The one between these two, if there is any: found at once, whatever else is tracked. Throws as `forgetUdp` does.
 */
export function conversationOf(
  netlink: number,
  { client, to }: Pick<Conversation, "client" | "to">,
): Conversation | undefined {
  const octets = ({ address }: SocketAddress) => Uint8Array.from(address.split(".").map(Number));
  const port = (end: SocketAddress) => Uint8Array.of(end.port >> 8, end.port & 0xff);
  const wanted = message(IPCTNL_MSG_CT_GET, 0, "a tracked connection", [
    nested(
      CTA_TUPLE_ORIG,
      nested(1, attribute(1, octets(client)), attribute(2, octets(to))),
      nested(2, attribute(1, Uint8Array.of(UDP)), attribute(2, port(client)), attribute(3, port(to))),
    ),
  ]);
  try {
    return ask(netlink, wanted).flatMap((entry) => parsed(entry) ?? [])[0];
  } catch (error) {
    if (errnoName(error) === "ENOENT") return undefined;
    throw error;
  }
}

function parsed(entry: Buffer): Conversation | undefined {
  const parts = new Map(partsOf(entry).map(({ type, value }) => [type, value]));
  const sent = parts.get(CTA_TUPLE_ORIG);
  const back = parts.get(CTA_TUPLE_REPLY);
  if (sent === undefined || back === undefined) return undefined;
  const original = endsOf(sent);
  return {
    client: original.from,
    to: original.to,
    server: endsOf(back).from,
    expiresInS: parts.get(CTA_TIMEOUT)?.readUInt32BE(0) ?? 0,
  };
}

/** Of a tuple: `{ip: {1: source, 2: destination}, protocol: {2: source port, 3: destination port}}`. */
function endsOf(tuple: Buffer): { from: SocketAddress; to: SocketAddress } {
  const part = (parent: Buffer, wanted: number) =>
    attributesOf(parent).find(({ type }) => type === wanted)!.value;
  const [ip, protocol] = [part(tuple, 1), part(tuple, 2)];
  const end = (address: number, port: number): SocketAddress => ({
    address: part(ip, address).join("."),
    port: part(protocol, port).readUInt16BE(0),
  });
  return { from: end(1, 2), to: end(2, 3) };
}

/** Of the namespace. */
function trackedEntries(netlink: number): number {
  const stats = ask(netlink, message(IPCTNL_MSG_CT_GET_STATS, 0, "the count of tracked connections", []));
  const count = stats.flatMap(partsOf).find(({ type }) => type === CTA_STATS_GLOBAL_ENTRIES);
  return count?.value.readUInt32BE(0) ?? 0;
}

function entriesTo({ address, port }: SocketAddress): NetlinkMessage {
  return message(IPCTNL_MSG_CT_GET, NLM_F_DUMP, "the list of tracked connections", [
    nested(
      CTA_TUPLE_ORIG,
      nested(1, attribute(2, Uint8Array.from(address.split(".").map(Number)))),
      portTuple(port),
    ),
    // In the machine's order, other than the rest.
    nested(CTA_FILTER, attribute(1, Uint8Array.of(CTA_FILTER_ORIG_FLAGS, 0, 0, 0))),
  ]);
}

/** Of UDP, by the destination's port. */
function portTuple(port: number): Buffer {
  return nested(2, attribute(1, Uint8Array.of(UDP)), attribute(3, Uint8Array.of(port >> 8, port & 0xff)));
}

/** Whether it was there still. */
function forget(netlink: number, entry: Buffer): boolean {
  try {
    transact(netlink, [deletion(entry)]);
    return true;
  } catch (error) {
    if (errnoName(error) === "ENOENT") return false;
    throw error;
  }
}

/** By its tuple, and by its id lest it be a later one of the same tuple. */
function deletion(entry: Buffer): NetlinkMessage {
  const parts = partsOf(entry).filter(({ type }) => type === CTA_TUPLE_ORIG || type === CTA_ID);
  return message(
    IPCTNL_MSG_CT_DELETE,
    0,
    "the deletion of a tracked connection",
    parts.map(({ octets }) => octets),
  );
}

function partsOf(entry: Buffer): Attribute[] {
  return attributesOf(entry, FAMILY_HEADER.length);
}

function message(
  type: number,
  flags: number,
  about: string,
  attributes: readonly Uint8Array[],
): NetlinkMessage {
  return {
    type: (NFNL_SUBSYS_CTNETLINK << 8) | type,
    flags,
    payload: Buffer.concat([FAMILY_HEADER, ...attributes]),
    about,
  };
}
