import { attribute, long, type NetlinkMessage, nested, number, text } from "./netlink.ts";

// The words of nft(8) as the kernel takes them: linux/netfilter/nf_tables.h. What is here is what we use.
const NFNL_SUBSYS_NFTABLES = 10;
const NFNL_MSG_BATCH_BEGIN = 0x10;
const NFNL_MSG_BATCH_END = 0x11;
const NFT_MSG_NEWTABLE = 0;
const NFT_MSG_DELTABLE = 2;
const NFT_MSG_NEWCHAIN = 3;
const NFT_MSG_NEWRULE = 6;
const NFT_MSG_NEWSET = 9;
const NLM_F_EXCL = 0x200;
const NLM_F_CREATE = 0x400;
const NLM_F_APPEND = 0x800;
const NFT_TABLE_F_OWNER = 2;
/** NF_INET_PRE_ROUTING and NF_INET_LOCAL_OUT. */
const HOOKS = { prerouting: 0, output: 3 } as const;
const NF_ACCEPT = 1;
const NF_DROP = 0;
/** Before connection tracking (-200) sees the packet. */
const PRIORITY_RAW = -300;
const NFT_SET_TIMEOUT = 0x10;
const NFT_SET_EVAL = 0x20;
const NFT_FIB_RESULT_ADDRTYPE = 3;
const NFTA_FIB_F_DADDR = 2;
/** Of linux/rtnetlink.h; in the register it is in the machine's order. */
const RTN_LOCAL = 2;
const REGISTER_VERDICT = 0;
/** NFT_REG32_00 and on: 4 octets each. Every statement here loads what it needs anew, from the first on. */
const REGISTER = 8;

const AF_INET = 2;
const AF_UNSPEC = 0;

/** A field of the packet, for IPv4 without options and its transport. */
export interface Field {
  readonly base: "network" | "transport";
  readonly offset: number;
  readonly octets: number;
  /** The number by which nft knows how to print it; the kernel keeps it only. */
  readonly type: number;
}

const IPV4_ADDRESS = 7;
const INET_SERVICE = 13;
const INET_PROTOCOL = 12;
export const ipProtocol: Field = { base: "network", offset: 9, octets: 1, type: INET_PROTOCOL };
export const ipSource: Field = { base: "network", offset: 12, octets: 4, type: IPV4_ADDRESS };
export const ipDestination: Field = { base: "network", offset: 16, octets: 4, type: IPV4_ADDRESS };
/** Of UDP and of TCP. */
export const sourcePort: Field = { base: "transport", offset: 0, octets: 2, type: INET_SERVICE };
export const destinationPort: Field = { base: "transport", offset: 2, octets: 2, type: INET_SERVICE };
export const tcpFlags: Field = { base: "transport", offset: 13, octets: 1, type: 0 };

/** A set that packets add to, and whose elements go by themselves. */
export interface DynamicSet {
  readonly name: string;
  readonly key: readonly Field[];
  readonly timeoutMs: number;
  readonly size: number;
}

/** One piece of a rule: a condition, which ends the rule where it does not hold, or a deed. */
export type Statement = readonly Uint8Array[];

/** What a table consists of: sets, and rules for packets that connection tracking has not seen yet. */
export interface Table {
  readonly name: string;
  readonly sets: readonly DynamicSet[];
  readonly chains: readonly Chain[];
}

/** Rules for the packets that come in here, or for those that this namespace's processes send. */
export interface Chain {
  readonly hook: keyof typeof HOOKS;
  readonly rules: readonly (readonly Statement[])[];
}

/**
 * Makes an IPv4 table that belongs to the netlink socket which sends this: nobody else can change it, and the kernel
 * deletes it when the socket is closed, however its process ends (`flags owner`, Linux 5.12).
 */
export function newOwnedTable({ name, sets, chains }: Table): NetlinkMessage[] {
  const table = message(NFT_MSG_NEWTABLE, NLM_F_CREATE | NLM_F_EXCL, `table ${name}`, [
    text(1, name),
    number(2, NFT_TABLE_F_OWNER),
  ]);
  return batch([
    table,
    ...sets.map((set, index) => newSet(name, set, index)),
    ...chains.flatMap((chain) => newChain(name, chain)),
  ]);
}

function newChain(table: string, { hook, rules }: Chain): NetlinkMessage[] {
  const chain = message(NFT_MSG_NEWCHAIN, NLM_F_CREATE, `chain ${hook}`, [
    text(1, table),
    text(3, hook),
    nested(4, number(1, HOOKS[hook]), number(2, PRIORITY_RAW)),
    number(5, NF_ACCEPT),
    text(7, "filter"),
  ]);
  return [
    chain,
    ...rules.map((rule, index) =>
      message(NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, `rule ${index + 1} of chain ${hook}`, [
        text(1, table),
        text(2, hook),
        nested(4, ...rule.flat()),
      ]),
    ),
  ];
}

export function deleteTable(name: string): NetlinkMessage[] {
  return batch([message(NFT_MSG_DELTABLE, 0, `table ${name}`, [text(1, name)])]);
}

function newSet(table: string, { name, key, timeoutMs, size }: DynamicSet, index: number): NetlinkMessage {
  return message(NFT_MSG_NEWSET, NLM_F_CREATE, `set ${name}`, [
    text(1, table),
    text(2, name),
    number(3, NFT_SET_TIMEOUT | NFT_SET_EVAL),
    // The kinds of a concatenation, six bits each.
    number(
      4,
      key.reduce((kind, { type }) => (kind << 6) | type, 0),
    ),
    // A part of a concatenation fills whole registers.
    number(5, key.length === 1 ? key[0]!.octets : key.length * 4),
    nested(9, number(1, size)),
    number(10, index + 1),
    long(11, timeoutMs),
  ]);
}

/** `FIELD VALUE`. */
export function is(field: Field, value: number | string): Statement {
  return [load(field, 0), compare(0, octetsOf(value, field.octets))];
}

/** `FIELD != VALUE`. */
export function isNot(field: Field, value: number | string): Statement {
  return [load(field, 0), compare(1, octetsOf(value, field.octets))];
}

/** `FIELD & MASK == VALUE`, of one octet. */
export function hasBits(field: Field, mask: number, value: number): Statement {
  const bitwise = expression(
    "bitwise",
    number(1, REGISTER),
    number(2, REGISTER),
    number(3, 1),
    nested(4, attribute(1, Uint8Array.of(mask))),
    nested(5, attribute(1, Uint8Array.of(0))),
  );
  return [load(field, 0), bitwise, compare(0, Uint8Array.of(value))];
}

/** `fib daddr type local`: the packet is for an address that this machine has at this moment. */
export const isForThisMachine: Statement = [
  expression("fib", number(1, REGISTER), number(2, NFT_FIB_RESULT_ADDRTYPE), number(3, NFTA_FIB_F_DADDR)),
  compare(0, Uint8Array.of(RTN_LOCAL, 0, 0, 0)),
];

/** `FIELD . FIELD @SET`. */
export function isIn(set: DynamicSet, ...key: readonly Field[]): Statement {
  return [...key.map(load), expression("lookup", text(1, set.name), number(2, REGISTER))];
}

/** `update @SET { FIELD . FIELD }`: the element is there from now for the set's time. Ends the rule if the set is full. */
export function update(set: DynamicSet, ...key: readonly Field[]): Statement {
  return dynset(set, 1, key);
}

/** `delete @SET { FIELD . FIELD }`. */
export function remove(set: DynamicSet, ...key: readonly Field[]): Statement {
  return dynset(set, 2, key);
}

/** Connection tracking, and so NAT, passes the packet over. */
export const notrack: Statement = [expression("notrack")];
/** The sender gets EPERM. */
export const drop: Statement = [verdict(NF_DROP)];
/** No further rule of this table. */
export const accept: Statement = [verdict(NF_ACCEPT)];

function dynset(set: DynamicSet, operation: number, key: readonly Field[]): Statement {
  return [
    ...key.map(load),
    expression("dynset", text(1, set.name), number(3, operation), number(4, REGISTER)),
  ];
}

function load({ base, offset, octets }: Field, index: number): Buffer {
  return expression(
    "payload",
    number(1, REGISTER + index),
    number(2, base === "network" ? 1 : 2),
    number(3, offset),
    number(4, octets),
  );
}

function compare(operation: number, value: Uint8Array): Buffer {
  return expression("cmp", number(1, REGISTER), number(2, operation), nested(3, attribute(1, value)));
}

function verdict(code: number): Buffer {
  return expression("immediate", number(1, REGISTER_VERDICT), nested(2, nested(2, number(1, code))));
}

function expression(name: string, ...data: readonly Uint8Array[]): Buffer {
  return nested(1, text(1, name), ...(data.length === 0 ? [] : [nested(2, ...data)]));
}

/** A number of so many octets in the network's order, or an IPv4 address. */
function octetsOf(value: number | string, octets: number): Uint8Array {
  if (typeof value === "string") return Uint8Array.from(value.split(".").map(Number));
  const buffer = Buffer.alloc(octets);
  buffer.writeUIntBE(value, 0, octets);
  return buffer;
}

/** All or nothing. */
function batch(messages: readonly NetlinkMessage[]): NetlinkMessage[] {
  const edge = (type: number): NetlinkMessage => ({
    type,
    flags: 0,
    payload: familyHeader(AF_UNSPEC, NFNL_SUBSYS_NFTABLES),
    about: "the right to change nftables",
  });
  return [edge(NFNL_MSG_BATCH_BEGIN), ...messages, edge(NFNL_MSG_BATCH_END)];
}

function message(
  type: number,
  flags: number,
  about: string,
  attributes: readonly Uint8Array[],
): NetlinkMessage {
  const payload = Buffer.concat([familyHeader(AF_INET, 0), ...attributes]);
  return { type: (NFNL_SUBSYS_NFTABLES << 8) | type, flags, payload, about };
}

/** struct nfgenmsg. */
function familyHeader(family: number, resource: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt8(family, 0);
  octets.writeUInt16BE(resource, 2);
  return octets;
}
