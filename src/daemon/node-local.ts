import { closeSync } from "node:fs";
import { createServer } from "node:net";
import { isDeepStrictEqual } from "node:util";
import type { NodeLocalReport } from "../api/control.ts";
import { formatSocketAddress } from "../base/address.ts";
import type { Clock } from "../base/clock.ts";
import { CodedError, messageOf } from "../base/errors.ts";
import type { Logger } from "../base/log.ts";
import type { Config } from "../config/schema.ts";
import { serverSocketsAnywhere } from "../linux/sockets.ts";
import { type Claim, claim, DNS_PORT, HOLD_EVERY_MS, refuseTaken } from "../nodelocal/claim.ts";
import type { Client } from "../resolver/resolver.ts";
import type { Handler } from "../server/handle.ts";
import type { Listener } from "../server/listener.ts";
import { type Crowded, SHARED_CONNECTIONS_MAX, tcpListener } from "../server/tcp.ts";
import type { UdpPlane } from "../server/udp-plane.ts";
import { cannotListen } from "./listeners.ts";
import type { Prepared } from "./prepared.ts";

/** What such a client is called where it stands for a sandbox. */
export const NODE_LOCAL = "node-local";

/** The listener of `nodeLocal:`: at addresses that are this machine's for as long as we answer there, and no longer. */
export interface NodeLocal {
  /** Opens what is new in `wanted`; committing takes the addresses. Throws a CodedError LISTEN. */
  prepare(wanted: Config["nodeLocal"]): Promise<Prepared>;
  /** `169.254.20.10:53`, and those that are intercepted. */
  names(): string[];
  report(): NodeLocalReport | null;
  close(): Promise<void>;
}

export function nodeLocal(options: {
  readonly plane: UdpPlane;
  readonly handler: Handler;
  /** False while whoever answers does not: then the addresses are let go. */
  readonly isServing: () => boolean;
  readonly crowded: Crowded;
  readonly clock: Clock;
  readonly log: Logger;
}): NodeLocal {
  const { plane, handler, isServing, crowded, clock, log } = options;
  let open = new Map<string, readonly Listener[]>();
  let claimed: Claim | undefined;
  let problem: CodedError | undefined;
  let stopHolding = (): void => {};

  /** Takes the addresses, or keeps them. What was taken away from us is made anew, as soon as that can be. */
  function hold(): void {
    stopHolding = clock.after(HOLD_EVERY_MS, hold);
    // The kernel takes them back by itself.
    if (!isServing()) return;
    try {
      claimed ??= claim([...open.keys()]);
      claimed.hold();
      if (problem !== undefined)
        log.info({ interface: claimed.interface }, "the node-local listener is back");
      problem = undefined;
    } catch (error) {
      claimed?.close();
      claimed = undefined;
      const isNew = problem === undefined;
      problem =
        error instanceof CodedError
          ? error
          : new CodedError("LISTEN", `Cannot hold the node-local addresses: ${messageOf(error)}`, {
              cause: error,
            });
      if (isNew) log.warn({ reason: problem.message }, "the node-local listener is gone: trying again");
    }
  }

  function listen(address: string, { udp, tcp }: { udp: number; tcp: number }): Listener[] {
    const name = formatSocketAddress({ address, port: DNS_PORT });
    // Whoever asks here has the host's view, so that the socket tells who asks.
    const client = (transport: "udp" | "tcp"): Client => ({ sandbox: undefined, via: NODE_LOCAL, transport });
    const socket = plane.adopt(udp);
    let overUdp: Listener;
    try {
      overUdp = socket.serve(`udp ${name}`, () => client("udp"));
    } catch (error) {
      socket.close();
      closeSync(tcp);
      throw error;
    }
    const server = createServer({ allowHalfOpen: true }).listen({ fd: tcp });
    return [
      overUdp,
      tcpListener({
        name: `tcp ${name}`,
        server,
        asker: () => client("tcp"),
        handler,
        connectionsMax: SHARED_CONNECTIONS_MAX,
        crowded,
        clock,
        log,
      }),
    ];
  }

  async function prepare(wanted: Config["nodeLocal"]): Promise<Prepared> {
    const addresses = wanted === undefined ? [] : [wanted.address, ...wanted.intercept];
    if (isDeepStrictEqual(addresses, [...open.keys()]))
      return { commit: async () => {}, abandon: async () => {} };
    const fresh = new Map<string, readonly Listener[]>();
    let next: Claim | undefined;
    const abandon = async (): Promise<void> => {
      next?.close();
      await closeAll(fresh.values());
    };
    try {
      refuseTaken(addresses, claimed?.interface);
      for (const address of addresses)
        if (!open.has(address)) fresh.set(address, listen(address, socketsAt(address)));
      if (addresses.length > 0) next = claim(addresses);
    } catch (error) {
      await abandon();
      throw error;
    }
    async function commit(): Promise<void> {
      const [before, former] = [open, claimed];
      stopHolding();
      open = new Map(addresses.map((address) => [address, fresh.get(address) ?? before.get(address)!]));
      claimed = next;
      problem = undefined;
      if (next !== undefined) hold();
      former?.withdraw();
      await closeAll([...before].flatMap(([address, listeners]) => (open.has(address) ? [] : [listeners])));
      former?.close();
    }
    return { commit, abandon };
  }

  return {
    prepare,
    names: () => [...open.keys()].map((address) => formatSocketAddress({ address, port: DNS_PORT })),
    report() {
      const [address, ...intercept] = open.keys();
      if (address === undefined) return null;
      const reason =
        problem?.message ?? (isServing() ? null : "the data plane hangs, and is being started anew");
      return {
        address,
        intercept,
        interface: claimed?.interface ?? null,
        state: reason === null ? "up" : "withdrawn",
        reason,
        remedy: problem?.remedy ?? null,
      };
    },
    async close() {
      stopHolding();
      // First of all, so that new queries go to whoever answers them without us.
      claimed?.withdraw();
      await closeAll(open.values());
      claimed?.close();
    },
  };
}

function socketsAt(address: string): { udp: number; tcp: number } {
  const at = { address, port: DNS_PORT };
  try {
    return serverSocketsAnywhere(at);
  } catch (cause) {
    throw cannotListen(at, "node-local", cause as NodeJS.ErrnoException);
  }
}

async function closeAll(all: Iterable<readonly Listener[]>): Promise<void> {
  await Promise.all([...all].flat().map((listener) => listener.close()));
}
