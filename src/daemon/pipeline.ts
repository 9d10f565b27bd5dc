import { chain } from "../resolver/chain.ts";
import type { Query, Resolver } from "../resolver/resolver.ts";

/** The resolvers of which the pipeline is made; `daemon.ts` makes them. */
export interface Parts {
  readonly loopTest: Resolver;
  readonly noTransfer: Resolver;
  readonly registryZone: Resolver;
  readonly hostSuffix: Resolver;
  readonly specialUse: Resolver;
  readonly noIpv6: Resolver;
  readonly ownUpstreams: Resolver;
  readonly confinement: Resolver;
  readonly splitDns: Resolver;
  readonly nodeLocalUpstreams: Resolver;
  readonly hostUpstreams: Resolver;
}

/** The query path, first to last. The order is the meaning; each place says why it is where it is. */
export function pipeline(parts: Parts): Resolver {
  return chain("pipeline", [
    // First of all: a question of our own that has come back is nobody else's.
    parts.loopTest,
    // Whatever the name, this is no question for us or for an upstream.
    parts.noTransfer,
    // First of those that know names: a name that a container owns is never anybody else's, and never leaves this host.
    parts.registryZone,
    // Behind it, so that a network may be called as the suffix is.
    parts.hostSuffix,
    // Behind the registry, too, so that a network called `onion` works; before anything that would leak these names.
    parts.specialUse,
    // Behind the names that we know ourselves, before everybody whom we could ask.
    parts.noIpv6,
    // `docker run --dns` replaces everything below, also what an internal network forbids: such upstreams are asked
    // from inside the container's own namespace, which is as far as the container could get by itself.
    parts.ownUpstreams,
    // A container that has only internal networks gets nothing from outside, through whichever server.
    parts.confinement,
    // The longest matching suffix, before the servers that are asked for everything else.
    parts.splitDns,
    // For those who ask the node-local listener, in place of the host's.
    parts.nodeLocalUpstreams,
    parts.hostUpstreams,
  ]);
}

/** `resolver`, for the queries that `applies` holds for; the others are declined. */
export function onlyIf(applies: (query: Query) => boolean, resolver: Resolver): Resolver {
  return {
    name: resolver.name,
    resolve: (query) => (applies(query) ? resolver.resolve(query) : undefined),
  };
}
