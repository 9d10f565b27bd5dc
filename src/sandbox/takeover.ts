import { close } from "node:fs";
import { promisify } from "node:util";
import type { SocketAddress } from "../base/address.ts";
import { CodedError, messageOf } from "../base/errors.ts";
import { forgetUdp } from "../linux/conntrack.ts";
import { libc } from "../linux/libc.ts";
import type { Namespace } from "../linux/namespace.ts";
import { netfilterSocket, transact } from "../linux/netlink.ts";
import { deleteTable, newOwnedTable } from "../linux/nftables.ts";
import { nftablesRefusal } from "../linux/nftables-refusal.ts";
import { udpPorts } from "../linux/port-holder.ts";
import { selfConnection } from "../linux/self-connection.ts";
import { ipv4Address } from "../linux/sockets.ts";
import { TABLE_NAME, takeoverTable } from "./takeover-table.ts";

const MSG_DONTWAIT = 0x40;
const EPERM = 1;
const closeFile = promisify(close);

/** The switch of one namespace: whether packets to the address reach our sockets or go the way they went before. */
export interface Takeover {
  /**
   * Ours for the next `ALIVE_MS`. The first one takes over; without another one in time it is handed back by
   * itself. False if the table did not take note, so that it is not ours: somebody has deleted it.
   */
  beat(): boolean;
  /**
   * Makes connection tracking forget the conversations with whom queries went to before, so that a client which goes on
   * after us is led to where that one listens by then. Not before its last answers are through: they need the
   * translation. Throws NetlinkError.
   */
  forgetFormer(): void;
  /**
   * Forgets at once those conversations with whom nobody listens any more. Costs little unless somebody came or went
   * since the last time. Throws NetlinkError, or as `udpPorts` does.
   */
  forgetGone(): void;
  /** New queries go the old way from when this returns. Our TCP connections stay ours, and answers may still go out. */
  handBack(): void;
  /** Removes the table: for when the last answer is out. Includes `handBack`. */
  close(): Promise<void>;
}

/**
 * Prepares to take `at` over in the namespace; `udp` is our socket that is bound there. Should this process end,
 * however it ends, the kernel undoes it. Throws NetlinkError or SystemError, and then nothing is left.
 */
export function prepareTakeover(namespace: Namespace, at: SocketAddress, udp: number): Takeover {
  /** Where others listened when it was looked last for conversations with whom nobody does. */
  let lookedAt: string | undefined;
  const lifeline = selfConnection(namespace, at.address);
  let netlink = -1;
  try {
    netlink = netfilterSocket(namespace);
    transact(netlink, newOwnedTable(takeoverTable(at, lifeline.port)));
    // Only now: connection tracking can't follow a connection of a socket with itself.
    lifeline.connect();
  } catch (error) {
    lifeline.close();
    if (netlink !== -1) void closeFile(netlink);
    throw error;
  }
  const self = ipv4Address(at);
  let handedBack = false;

  function handBack(): void {
    handedBack = true;
    lifeline.close();
  }

  return {
    beat: () => !handedBack && libc().sendNothing(udp, MSG_DONTWAIT, self) === EPERM,
    forgetFormer: () => void forgetUdp(netlink, at, () => true),
    forgetGone() {
      // A container that has ended asks no more.
      if (!namespace.isCurrent()) return;
      const ports = [...udpPorts(namespace, at.address)].sort().join();
      // To look takes some 25 ms, and is seldom needed: nobody has gone.
      if (ports === lookedAt) return;
      const heard = udpPorts(namespace, at.address, "0.0.0.0");
      // Somebody else's rules may lead to another address; who listens there is not looked for.
      forgetUdp(netlink, at, ({ address, port }) => address === at.address && !heard.has(port));
      lookedAt = ports;
    },
    handBack,
    async close() {
      handBack();
      try {
        transact(netlink, deleteTable(TABLE_NAME));
      } finally {
        // On another thread: the kernel lets who closes such a socket wait for all processors (some 10 ms).
        await closeFile(netlink);
      }
    },
  };
}

/** For people: why the table could not be made, where it is needed. */
export function takeoverFailure(cause: unknown): CodedError {
  const { state, remedy } = nftablesRefusal(cause, "`nft_ct`");
  return new CodedError("ATTACH", `Cannot take 127.0.0.11 over from Docker's resolver: ${state}`, {
    // Not the system error itself: its errno would be taken for one of the namespace or the sockets.
    cause: new Error(messageOf(cause), { cause }),
    ...(remedy === undefined ? {} : { remedy }),
  });
}
