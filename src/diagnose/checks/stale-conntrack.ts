import { closeSync } from "node:fs";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { SocketAddress } from "../../base/address.ts";
import { type Conversation, conversationOf } from "../../linux/conntrack.ts";
import { netfilterSocket } from "../../linux/netlink.ts";
import type { Check, Found } from "../check.ts";
import type { EngineResolver } from "../engine-resolver.ts";
import type { Sandbox } from "../sandbox.ts";
import { listed } from "../together.ts";
import { withResolvers } from "../with-resolvers.ts";

const EMBEDDED = { address: "127.0.0.11", port: 53 };
/** So many clients are told one by one. */
const TOLD = 5;

/** Connection tracking leads a client to a port that the engine's resolver has left: it gets no answer. */
export const staleConntrack: Check = {
  code: "stale-conntrack",
  run: (context) =>
    withResolvers(context, async () => {
      const stale: Stale[] = [];
      for (const sandbox of context.sandboxes.open) {
        const { resolver, container } = sandbox;
        // What we answer ourselves is not tracked.
        if (resolver === undefined || context.isAttached(container.key)) continue;
        const found = staleOf(sandbox, resolver);
        stale.push(...found.map((entry) => ({ container: container.name, resolver, entry })));
        await nextTurn();
      }
      return stale.length === 0 ? [] : [finding(stale)];
    }),
};

/**
 * Those of its open sockets that are led elsewhere than to where the engine listens: what is left of clients that have
 * gone hurts hardly anybody. One that is not led at all is what is left of a time without rules (`nat-rules-flushed`),
 * or the doctor's own question in one.
 */
function staleOf({ namespace, net }: Sandbox, { server }: EngineResolver): Conversation[] {
  const netlink = netfilterSocket(namespace);
  try {
    return socketsOf(net)
      .flatMap((client) => conversationOf(netlink, { client, to: EMBEDDED }) ?? [])
      .filter(({ server: led }) => led.port !== EMBEDDED.port && led.port !== server.port);
  } finally {
    closeSync(netlink);
  }
}

/** Whence the namespace's UDP sockets send to 127.0.0.11; each line is `N: LOCAL:PORT ...`, addresses from behind. */
function socketsOf(net: Sandbox["net"]): SocketAddress[] {
  const locals = [net("udp"), net("udp6")].flatMap((table) => [
    ...table.matchAll(/^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) /gm),
  ]);
  return locals.map(([, local, port]) => {
    const ipv4 = Buffer.from(local!.slice(-8), "hex").reverse();
    const isAny = ipv4.every((octet) => octet === 0);
    return { address: isAny ? "127.0.0.1" : ipv4.join("."), port: Number.parseInt(port!, 16) };
  });
}

interface Stale {
  readonly container: string;
  readonly resolver: EngineResolver;
  readonly entry: Conversation;
}

function finding(stale: readonly Stale[]): Found {
  const containers = [...new Set(stale.map(({ container }) => container))];
  const [clients, are] = stale.length === 1 ? ["client", "is"] : ["clients", "are"];
  // Who asks again and again has the longest time left.
  const latest = [...stale].sort((a, b) => b.entry.expiresInS - a.entry.expiresInS).slice(0, TOLD);
  return {
    severity: "warning",
    subject: listed(containers),
    text: `${stale.length} UDP ${clients} of 127.0.0.11:53 in ${listed(containers)} ${are} led to a port where nobody listens since dockerd was restarted. A client that keeps its source port gets no answer for as long as it goes on asking.`,
    evidence: {
      containers,
      entries: stale.length,
      clients: latest.map(({ container, resolver, entry: { client, server, expiresInS } }) => ({
        container,
        sourcePort: client.port,
        ledToPort: server.port,
        resolverPort: resolver.server.port,
        expiresInS,
      })),
    },
    remedy:
      "`eleven attach` answers without connection tracking at once; or, in the container's network namespace, `conntrack -D -p udp --orig-dst 127.0.0.11 --dport 53`; or restart what asks in there",
  };
}
