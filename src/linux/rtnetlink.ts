import { addressFromOctets, addressOctets } from "../base/address.ts";
import { ask, attribute, attributesOf, type NetlinkMessage, NLM_F_DUMP, nested, text } from "./netlink.ts";

// The words of ip(8) as the kernel takes them: linux/rtnetlink.h, if_link.h, if_addr.h. What is here is what we use.
const RTM_NEWLINK = 16;
const RTM_GETLINK = 18;
const RTM_NEWADDR = 20;
const RTM_GETADDR = 22;
const NLM_F_REPLACE = 0x100;
const NLM_F_CREATE = 0x400;
const AF_INET = 2;
const AF_INET6 = 10;
const IFF_UP = 1;
const IFLA_IFNAME = 3;
const IFLA_AF_SPEC = 26;
const IFLA_INET6_ADDR_GEN_MODE = 8;
const IN6_ADDR_GEN_MODE_NONE = 1;
const LINK_HEADER_OCTETS = 16;
const ADDRESS_HEADER_OCTETS = 8;
const IFA_LOCAL = 2;
const IFA_LABEL = 3;
const IFA_CACHEINFO = 6;
const RT_SCOPE_HOST = 254;

/** The number of an interface of the namespace of `fd`, a socket of the routing family. Throws NetlinkError. */
export function interfaceIndex(fd: number, name: string): number {
  const payload = Buffer.concat([linkHeader(0, 0), text(IFLA_IFNAME, name)]);
  const [answer] = ask(fd, { type: RTM_GETLINK, flags: 0, payload, about: `interface ${name}` });
  return answer!.readInt32LE(4);
}

/** `ip link set INTERFACE up`. */
export function linkUp(index: number): NetlinkMessage {
  return { type: RTM_NEWLINK, flags: 0, payload: linkHeader(index, IFF_UP), about: "the interface, up" };
}

/** `ip link set INTERFACE addrgenmode none`: it gets no link-local IPv6 address. EAFNOSUPPORT where there is no IPv6. */
export function withoutLinkLocal(index: number): NetlinkMessage {
  const mode = attribute(IFLA_INET6_ADDR_GEN_MODE, Uint8Array.of(IN6_ADDR_GEN_MODE_NONE));
  const payload = Buffer.concat([linkHeader(index, 0), nested(IFLA_AF_SPEC, nested(AF_INET6, mode))]);
  return { type: RTM_NEWLINK, flags: 0, payload, about: "no link-local address" };
}

/**
 * `ip address replace ADDRESS/32 dev INTERFACE scope host valid_lft SECONDS`: the interface has the address for so long
 * from now, unless this is said again; then the kernel takes it away by itself. With scope `host`, nobody takes it for
 * the address of what this machine sends elsewhere.
 */
export function holdAddress(index: number, address: string, seconds: number): NetlinkMessage {
  const header = Buffer.alloc(ADDRESS_HEADER_OCTETS);
  header.writeUInt8(AF_INET, 0);
  header.writeUInt8(32, 1);
  header.writeUInt8(RT_SCOPE_HOST, 3);
  header.writeUInt32LE(index, 4);
  const lifetimes = Buffer.alloc(16);
  lifetimes.writeUInt32LE(seconds, 0);
  lifetimes.writeUInt32LE(seconds, 4);
  const octets = Uint8Array.from(addressOctets(address));
  return {
    type: RTM_NEWADDR,
    flags: NLM_F_CREATE | NLM_F_REPLACE,
    payload: Buffer.concat([header, attribute(IFA_LOCAL, octets), attribute(IFA_CACHEINFO, lifetimes)]),
    about: `address ${address}`,
  };
}

/** An IPv4 address that an interface has, also one that is not up. */
export interface HeldAddress {
  readonly address: string;
  /** Of the interface, or an alias of it. */
  readonly label: string;
}

/** All IPv4 addresses of the namespace of `fd`. Throws NetlinkError. */
export function heldAddresses(fd: number): HeldAddress[] {
  const payload = Buffer.alloc(ADDRESS_HEADER_OCTETS);
  payload.writeUInt8(AF_INET, 0);
  const answers = ask(fd, { type: RTM_GETADDR, flags: NLM_F_DUMP, payload, about: "addresses" });
  return answers.map(heldAddress);
}

function heldAddress(payload: Buffer): HeldAddress {
  let [address, label] = ["", ""];
  for (const { type, value } of attributesOf(payload, ADDRESS_HEADER_OCTETS)) {
    if (type === IFA_LOCAL) address = addressFromOctets(value);
    if (type === IFA_LABEL) label = value.toString("latin1").replace(/\0$/, "");
  }
  return { address, label };
}

/** struct ifinfomsg; `flags` are those to be set. */
function linkHeader(index: number, flags: number): Buffer {
  const octets = Buffer.alloc(LINK_HEADER_OCTETS);
  octets.writeInt32LE(index, 4);
  octets.writeUInt32LE(flags, 8);
  octets.writeUInt32LE(flags, 12);
  return octets;
}
