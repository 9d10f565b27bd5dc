import { closeSync } from "node:fs";
import { CodedError, messageOf } from "../base/errors.ts";
import { errnoName } from "../linux/libc.ts";
import { NetlinkError, netfilterSocketHere, routeSocketHere, transact } from "../linux/netlink.ts";
import { newOwnedTable } from "../linux/nftables.ts";
import { nftablesRefusal } from "../linux/nftables-refusal.ts";
import { heldAddresses, holdAddress, interfaceIndex, linkUp, withoutLinkLocal } from "../linux/rtnetlink.ts";
import { tunInterface } from "../linux/tun.ts";
import { untrackedTable } from "./untracked-table.ts";

export const DNS_PORT = 53;

/**
 * How long the kernel leaves us an address without hearing of us. It counts in whole seconds; a process that hangs is
 * to be out of the way within three, and one that is only busy is not to be taken for hung.
 */
const LIFETIME_S = 2;
/** Several fit in the lifetime. */
export const HOLD_EVERY_MS = 500;

/** Ours begin so; the kernel adds a number. */
const INTERFACE = "eleven";
/** Whether an interface is one of those. */
export const isClaimed = (name: string): boolean => /^eleven\d+$/.test(name);
/** What NodeLocal DNSCache and kube-proxy call theirs, to tell people what they have to do with. */
const REMEDIES: Readonly<Record<string, string>> = {
  nodelocaldns:
    "NodeLocal DNSCache runs here, or has left it behind: remove its DaemonSet, and the interface with `ip link delete nodelocaldns`",
  "kube-ipvs0":
    "kube-proxy runs in IPVS mode, which can't be intercepted: leave it out of `intercept`, and tell pods to ask `address`",
};

/** Addresses that are this machine's because of us. */
export interface Claim {
  readonly interface: string;
  /**
   * Has the addresses for another `LIFETIME_S`; the first call is what brings them. Throws NetlinkError if that can't be:
   * somebody has removed the interface.
   */
  hold(): void;
  /** They are this machine's no longer when this returns: packets go where they went before. May be called again. */
  withdraw(): void;
  /** Removes the rules: for when the last answer is out. Includes `withdraw`. */
  close(): void;
}

/**
 * Prepares to have these addresses: an interface and rules, which do nothing before the first `hold`. Both are the
 * kernel's to remove when this process ends, however it ends. Throws CodedError LISTEN, and then nothing is left.
 */
export function claim(addresses: readonly string[]): Claim {
  const undo: (() => void)[] = [];
  const undoAll = (): void => {
    for (const each of undo.splice(0).reverse()) each();
  };
  const step = <T>(what: (cause: unknown) => CodedError, make: () => T): T => {
    try {
      return make();
    } catch (cause) {
      undoAll();
      throw what(cause);
    }
  };
  const route = step(noAddress, routeSocketHere);
  undo.push(() => closeSync(route));
  const tun = step(noInterface, () => tunInterface(`${INTERFACE}%d`));
  undo.push(tun.close);
  const index = step(noAddress, () => {
    const found = interfaceIndex(route, tun.name);
    noLinkLocal(route, found);
    transact(route, [linkUp(found)]);
    return found;
  });
  const netfilter = step(noRules, netfilterSocketHere);
  undo.push(() => closeSync(netfilter));
  step(noRules, () => transact(netfilter, newOwnedTable(untrackedTable(tun.name, addresses, DNS_PORT))));
  return {
    interface: tun.name,
    hold: () =>
      transact(
        route,
        addresses.map((address) => holdAddress(index, address, LIFETIME_S)),
      ),
    withdraw: tun.close,
    close: undoAll,
  };
}

/** Throws CodedError LISTEN if one of the addresses is this machine's already, and not by a claim of ours. */
export function refuseTaken(addresses: readonly string[], ours: string | undefined): void {
  const route = routeSocketHere();
  try {
    const taken = heldAddresses(route).find(
      ({ address, label }) => label !== ours && addresses.includes(address),
    );
    if (taken === undefined) return;
    const { address, label } = taken;
    throw new CodedError("LISTEN", `Cannot take ${address}: this machine has it already, on ${label}`, {
      remedy: REMEDIES[label] ?? remedyFor(label),
    });
  } finally {
    closeSync(route);
  }
}

function remedyFor(label: string): string {
  return isClaimed(label)
    ? "Stop the other eleven, or choose another address under `nodeLocal`"
    : `Choose another address under \`nodeLocal\`, or free this one: ip address delete ADDRESS dev ${label}`;
}

function noLinkLocal(route: number, index: number): void {
  try {
    transact(route, [withoutLinkLocal(index)]);
  } catch (error) {
    // Without IPv6 there is none anyway.
    if (!(error instanceof NetlinkError)) throw error;
  }
}

const PRIVILEGE = "Run eleven as root, or give it CAP_NET_ADMIN";

function noInterface(cause: unknown): CodedError {
  const [state, remedy] = explainTun(errnoName(cause)) ?? [messageOf(cause), undefined];
  return refused(`Cannot make an interface for the node-local listener: ${state}`, remedy, cause);
}

function explainTun(errno: string | undefined): [state: string, remedy: string] | undefined {
  switch (errno) {
    case "ENOENT":
      return [
        "there is no /dev/net/tun",
        "Load the module, `modprobe tun`; in a container, give it the device: --device /dev/net/tun",
      ];
    case "ENODEV":
    case "ENXIO":
      return ["the kernel has no TUN interfaces", "Load the module: `modprobe tun`"];
    case "EACCES":
      return ["not permitted to open /dev/net/tun", "Run eleven as root, or let its user open that file"];
    case "EPERM":
      return [
        "not permitted",
        `${PRIVILEGE}; in a container, give it the device, too: --device /dev/net/tun`,
      ];
    default:
      return undefined;
  }
}

function noAddress(cause: unknown): CodedError {
  const remedy = errnoName(cause) === "EPERM" ? PRIVILEGE : undefined;
  return refused(
    `Cannot set up an interface for the node-local listener: ${messageOf(cause)}`,
    remedy,
    cause,
  );
}

function noRules(cause: unknown): CodedError {
  const { state, remedy } = nftablesRefusal(cause, "`nft_ct`, `nft_fib_ipv4`");
  return refused(`Cannot keep the node-local listener out of connection tracking: ${state}`, remedy, cause);
}

function refused(message: string, remedy: string | undefined, cause: unknown): CodedError {
  return new CodedError("LISTEN", message, { cause, ...(remedy === undefined ? {} : { remedy }) });
}
