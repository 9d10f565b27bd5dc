import type { SocketAddress } from "../base/address.ts";
import type { Name } from "../wire/message.ts";

/** A group of endpoints that reach each other. */
export interface Network {
  readonly name: string;
  /** Without outside access: a container that has only such networks gets no forwarding. */
  readonly internal: boolean;
}

/** The attachment of one container to one network. */
export interface Endpoint {
  readonly network: string;
  /** Canonical (`canonicalAddress`); an endpoint without any address keeps its names known, but answers NODATA. */
  readonly ipv4?: string;
  readonly ipv6?: string;
  /** Network aliases, in the order given. */
  readonly aliases: readonly string[];
  /** Link alias -> container name, seen by this container only. */
  readonly links: Readonly<Record<string, string>>;
  /** Higher is looked in first. */
  readonly priority: number;
  /**
   * Says where the container is, but is found by no name and has no PTR: in Docker's predefined networks, and of a
   * container that lives in another one's sandbox.
   */
  readonly nameless?: true;
}

/** A container as its source describes it: one sandbox, and the endpoints in it. */
export interface Container {
  /** Names the sandbox in the whole program: `<source>/<id, or name where there is no id>`. */
  readonly key: string;
  readonly name: string;
  /** 12 to 64 hexadecimal digits, lower case. */
  readonly id?: string;
  readonly hostname?: string;
  /** Path of its network namespace, e.g. `/run/netns/web-1`. */
  readonly netns?: string;
  /** Why there is no `netns`, where its source knows: `unseen` is one that runs, but not within this machine's sight. */
  readonly netnsMissing?: "stopped" | "host" | "unseen";
  /** Its own upstreams (`docker run --dns`), asked from its own namespace. */
  readonly upstreams?: readonly SocketAddress[];
  /**
   * Key of the container in whose sandbox it lives (`docker run --network container:X`). Its endpoints are then that
   * one's, nameless, so that it sees the same; their addresses are not its own.
   */
  readonly shares?: string;
  /** What it was started as a part of: a Compose project, a swarm's stack or service. */
  readonly project?: string;
  readonly endpoints: readonly Endpoint[];
}

/** All that one source knows at one moment. */
export interface Snapshot {
  readonly networks: readonly Network[];
  readonly containers: readonly Container[];
}

export type NameKind = "container-name" | "alias" | "short-id" | "hostname" | "link";

/**
 * What a source reports. Whole sets are the rule (`sync`); `put` and `remove` are for events in between. Each is
 * applied whole, as one revision. `cause` is for people: "shop.yaml changed", "docker event: start web-1".
 */
export type Change = { readonly source: string; readonly cause: string } & (
  | { readonly kind: "sync"; readonly snapshot: Snapshot }
  | { readonly kind: "put"; readonly container: Container }
  | { readonly kind: "remove"; readonly key: string }
);

/** One name in one network, and who put it there: a row of `eleven records`. */
export interface RegistryRecord {
  readonly network: string;
  /** As configured; compared without regard to letter case. */
  readonly name: string;
  readonly kind: NameKind;
  /** IPv4 first; a link's are those its target has in that network at the moment. */
  readonly addresses: readonly string[];
  /** Name of the container that holds the name; a link's is the one that sees it. */
  readonly container: string;
  /** Key of that container: tells containers of one name apart, and outlives a rename. */
  readonly sandbox: string;
  readonly source: string;
  readonly host: string;
  /**
   * ISO 8601, when the oldest of the addresses it holds was bound; without an address, when that began. So it is
   * never older than what can be answered: a container that came back with another address starts anew.
   */
  readonly since: string;
  /** The registry's revision at `since`. */
  readonly revision: number;
  /** False while the source can't be asked: the row is then what it said last. */
  readonly verified: boolean;
  /** ISO 8601, until when the row is known to have been true; only while it is not verified. */
  readonly verifiedAt?: string;
}

/** Which records are wanted; what is left out does not matter. All compare without regard to letter case. */
export interface RecordsFilter {
  /** `web`, `web.`, `web.shop`. */
  readonly name?: string | undefined;
  readonly network?: string | undefined;
  /** Name or key. */
  readonly container?: string | undefined;
}

/** What became of a change. */
export interface Applied {
  /** The revision after it. */
  readonly revision: number;
  /** False when it told nothing new: the revision is then what it was. */
  readonly changed: boolean;
  /** Keys of the sandboxes that appeared, vanished or were described anew, or whose network's `internal` changed. */
  readonly touched: ReadonlySet<string>;
}

/** What a change may have made another than before; all else is as it was. */
export interface Touched {
  readonly revision: number;
  /** As in `Applied`. */
  readonly touched: ReadonlySet<string>;
  /** Folded names, without the networks they are in. */
  readonly names: ReadonlySet<Name>;
  /** Canonical addresses that the touched sandboxes have, or had. */
  readonly addresses: ReadonlySet<string>;
}

/** One address bound to, or taken from, one name: a row of `eleven history`. */
export interface HistoryEntry {
  readonly at: string;
  readonly action: "added" | "removed";
  readonly network: string;
  readonly name: string;
  readonly kind: NameKind;
  readonly address: string;
  /** Name of the container at that moment. */
  readonly container: string;
  readonly sandbox: string;
  readonly source: string;
  readonly cause: string;
  readonly revision: number;
}
