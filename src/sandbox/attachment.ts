import { closeSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { formatSocketAddress, type SocketAddress } from "../base/address.ts";
import { CodedError, messageOf } from "../base/errors.ts";
import { errnoName } from "../linux/libc.ts";
import { isOwnNamespace, type Namespace, openNamespace } from "../linux/namespace.ts";
import { portHolder } from "../linux/port-holder.ts";
import { arrives, serverSockets } from "../linux/sockets.ts";
import { prepareTakeover, type Takeover, takeoverFailure } from "./takeover.ts";

/** Where containers expect their DNS server, as Docker writes it into their resolv.conf. */
export const EMBEDDED_DNS: SocketAddress = { address: "127.0.0.11", port: 53 };

/** Closes what it was given, once queries in flight are answered. */
export interface Serving {
  close(): Promise<void>;
}

export interface UdpServing extends Serving {
  /** Whom the next query comes from is to be asked anew. */
  askerChanged(): void;
}

/**
 * Makes listeners of sockets that are bound already, and listen ('listening' is past, or not to be waited for).
 * From then on the sockets, and their 'error' events, are the listener's. TCP sockets come half-open: who serves
 * them ends them.
 */
export interface Serve {
  udp(fd: number, namespace: Namespace, whoAsks: WhoAsks): UdpServing;
  tcp(server: Server, namespace: Namespace, whoAsks: WhoAsks): Serving;
}

/**
 * The sandbox on whose behalf queries in a namespace are answered, as it is now; a promise while it is not known yet,
 * which is kept within two seconds, with undefined if it is nobody's.
 */
export type WhoAsks = () => string | Promise<string | undefined>;

/** What is served at 127.0.0.11:53 of one namespace. */
export interface Attachment {
  /** Why it does without the table that makes 127.0.0.11 ours; undefined if there is one. */
  readonly bare: string | undefined;
  /** To be called again and again, see `Takeover`; false if it is no longer ours. */
  beat(): boolean;
  /** See `Takeover`. */
  forgetFormer(): void;
  forgetGone(): void;
  /** `whoAsks` says another than before. */
  askerChanged(): void;
  /** New queries go where they went before from when this returns; resolves when those that had come are answered. */
  close(): Promise<void>;
}

/**
 * Answers 127.0.0.11:53, UDP and TCP, in one namespace. Throws what `serverSockets` throws, or why what arrives there
 * can't be taken over from whom it goes to; then nothing is left there. `isReady` says that a container runs in it:
 * before that, nobody's rules being there does not mean that none will be.
 */
export function attach(namespace: Namespace, isReady: boolean, whoAsks: WhoAsks, serve: Serve): Attachment {
  if (isOwnNamespace(namespace)) throw ownNamespace(namespace.path);
  const fds = serverSockets(namespace, EMBEDDED_DNS);
  let takeover: Takeover | undefined;
  let bare: string | undefined;
  try {
    takeover = prepareTakeover(namespace, EMBEDDED_DNS, fds.udp);
  } catch (error) {
    // Where nobody has rules for 127.0.0.11 (containers that are not Docker's), sockets are all it takes.
    if (!isReady || !arrives(namespace, EMBEDDED_DNS, fds.udp)) {
      for (const fd of [fds.udp, fds.tcp]) closeSync(fd);
      throw takeoverFailure(error);
    }
    bare = messageOf(error);
  }
  let udp: UdpServing;
  try {
    udp = serve.udp(fds.udp, namespace, whoAsks);
  } catch (error) {
    // If it can't be deleted either, the table goes with the socket that made it.
    void takeover?.close().catch(() => {});
    for (const fd of [fds.udp, fds.tcp]) closeSync(fd);
    throw error;
  }
  const tcp = serve.tcp(createServer({ allowHalfOpen: true }).listen({ fd: fds.tcp }), namespace, whoAsks);
  // The switch: from here on queries come to the listeners, so nothing may stand between them and us any more.
  takeover?.beat();
  return {
    bare,
    beat: () => takeover?.beat() ?? true,
    forgetFormer: () => takeover?.forgetFormer(),
    forgetGone: () => takeover?.forgetGone(),
    askerChanged: () => udp.askerChanged(),
    async close() {
      takeover?.handBack();
      const outcomes = await Promise.allSettled([udp, tcp].map(async (one) => one.close()));
      // Also where a listener failed to close: its table and sockets would be there as long as this process.
      await takeover?.close();
      for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
    },
  };
}

/** The host's 127.0.0.11 is nobody's to take over: a container on the host's network asks whom the host asks. */
function ownNamespace(path: string): CodedError {
  return new CodedError(
    "ATTACH",
    `Cannot attach ${path}: it is the network namespace that eleven itself is in`,
    {
      remedy: "Leave containers on the host's network as they are: they ask the host's own nameservers",
    },
  );
}

/** For people: why a container whose namespace is at `netns` can't be attached. Takes its time; not for retries. */
export function attachFailure(cause: unknown, name: string, netns: string): CodedError {
  if (cause instanceof CodedError) return cause;
  const cannot = `Cannot answer ${formatSocketAddress(EMBEDDED_DNS)} of ${name}`;
  if (errnoName(cause) !== "EADDRINUSE") {
    return new CodedError("ATTACH", `${cannot}: ${messageOf(cause)}`, { cause });
  }
  const holder = holderIn(netns);
  return new CodedError("ATTACH", `${cannot}: ${holder ?? "a process outside of it"} does so already`, {
    remedy:
      holder === undefined
        ? "See whether another eleven serves this container, and stop it"
        : `Stop it, let it listen on another address, or leave ${name} out of \`attach\``,
    cause,
  });
}

function holderIn(netns: string): string | undefined {
  try {
    const namespace = openNamespace(netns);
    const holder = portHolder(namespace, EMBEDDED_DNS);
    namespace.close();
    return holder;
  } catch {
    // Gone since; the next attempt will see that.
    return undefined;
  }
}
