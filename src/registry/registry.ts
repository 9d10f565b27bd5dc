import type { Clock } from "../base/clock.ts";
import { differences } from "./differences.ts";
import { addressesOf, createDwellers } from "./dwellers.ts";
import { type Edit, newEdit } from "./edit.ts";
import type { Entry } from "./entry.ts";
import { findContainer } from "./find-container.ts";
import { createHistory } from "./history.ts";
import { createHolders } from "./holders.ts";
import type {
  Applied,
  Change,
  Container,
  HistoryEntry,
  Network,
  RecordsFilter,
  RegistryRecord,
  Touched,
} from "./model.ts";
import { createNameIndex, type IndexView } from "./name-index.ts";
import { createNetworks } from "./networks.ts";
import { createReadiness } from "./readiness.ts";
import { recordsOf } from "./records.ts";
import { placesOf, type View } from "./view.ts";

/** How many bindings added or removed are remembered, unless told otherwise: some MB at most. */
const HISTORY_LIMIT = 10_000;

/**
 * All that is known of networks, containers and their names, from every source. Everything is synchronous, so a
 * reader between two calls sees one revision whole. It counts up by one with each change that anything here could
 * tell from what was before, and with nothing else; what was worked out at one revision holds until the next.
 */
export interface Registry {
  readonly revision: number;
  /**
   * Applies a change whole, or throws and has done nothing: CodedError SOURCE if it claims a container key that
   * another source has. Costs in the size of the containers that differ and of the links that look at them; of a
   * `sync`, besides, one comparison for each container of that source.
   */
  apply(change: Change): Applied;
  /** Announces a source: until its first `sync`, its names are not known to be nobody's. Counts as a change. */
  expect(source: string): void;
  /** Takes a source out, with all that it told, and awaits it no longer. */
  forget(source: string, cause: string): Applied;
  /** Whether every announced source has synced. */
  readonly ready: boolean;
  /** Whether a name that nobody knows may be one that a source has yet to tell, see `Readiness`. */
  readonly holding: boolean;
  /** An announced source is waited for no longer where another one has told. */
  overdue(source: string): void;
  /** The announced sources that have not synced, in the order announced. */
  awaited(): readonly string[];
  /** Called after each change, in the order of subscription; must neither throw nor apply. Returns what ends it. */
  onChange(listener: (change: Touched) => void): () => void;
  /**
   * Says until when (ISO 8601) what a source told is known to have been true: it can't be asked any more. Its next
   * `sync` ends that. Answers are the same, so it is no change.
   */
  doubt(source: string, verifiedAt: string): void;

  containers(): Iterable<Container>;
  container(key: string): Container | undefined;
  /** The container that a person means, see `findContainer`; throws NO_SUCH_CONTAINER if it could be several. */
  findContainer(text: string): Container | undefined;
  /** One that a source declares, or that a container is attached to (then not internal). Letter case counts. */
  network(name: string): Network | undefined;
  /** Key of the one container that has this (canonical) address on any network; undefined for none or several. */
  sandboxByAddress(address: string): string | undefined;

  /** The bindings as rows, by network, name, kind and container. */
  records(filter?: RecordsFilter): RegistryRecord[];
  /** Bindings added and removed, newest last; of one change the removed ones first. */
  history(name?: string): HistoryEntry[];

  /** For `lookup` and `reverseLookup`. */
  readonly index: IndexView;
  /** The host's view without a sandbox. A sandbox that nobody knows (any more) sees nothing. */
  view(sandbox: string | undefined): View;
}

export function createRegistry(options: {
  readonly clock: Clock;
  readonly host: string;
  readonly historyLimit?: number;
}): Registry {
  const { clock, host, historyLimit = HISTORY_LIMIT } = options;
  const index = createNameIndex();
  const networks = createNetworks();
  const history = createHistory(historyLimit);
  const readiness = createReadiness();
  const holders = createHolders();
  const dwellers = createDwellers();
  const verifiedAt = new Map<string, string>();
  const listeners = new Set<{ call: (change: Touched) => void }>();
  let revision = 0;

  function apply(change: Change): Applied {
    const wanted = differences(change, holders);
    const wasReady = readiness.ready;
    let declaredAnew: string[] = [];
    if (change.kind === "sync") {
      declaredAnew = networks.declare(change.source, change.snapshot.networks);
      readiness.synced(change.source);
      verifiedAt.delete(change.source);
    }
    if (wanted.size === 0 && declaredAnew.length === 0 && readiness.ready === wasReady) {
      return { revision, changed: false, touched: new Set() };
    }

    revision += 1;
    const edit = newEdit({ since: new Date(clock.wall()).toISOString(), revision }, change.cause);
    const touched = new Set(wanted.keys());
    for (const name of declaredAnew) for (const key of networks.members(name)) touched.add(key);
    const addresses = new Set<string>();
    const note = () => {
      for (const key of touched)
        for (const one of addressesOf(holders.get(key)?.container)) addresses.add(one);
    };
    note();
    for (const [key, container] of wanted) replace(key, change.source, container, edit);
    note();
    index.relink(edit);
    for (const entry of [...edit.removed, ...edit.added]) history.add(entry);
    for (const key of touched) {
      const holder = holders.get(key);
      if (holder !== undefined) holder.places = undefined;
    }
    notify({ revision, touched, names: edit.names, addresses });
    return { revision, changed: true, touched };
  }

  function replace(key: string, source: string, container: Container | undefined, edit: Edit): void {
    const before = holders.get(key);
    for (const { network } of before?.container.endpoints ?? []) networks.leave(network, key);
    for (const { network } of container?.endpoints ?? []) networks.join(network, key);
    dwellers.replace(before?.container, container);
    const holder = container === undefined ? before : holders.obtain(source, container);
    if (holder === undefined) return;
    index.replace(holder, container, edit);
    if (container === undefined) holders.delete(holder);
  }

  function notify(change: Touched): void {
    for (const { call } of listeners) call(change);
  }

  function whenReadinessTurns(act: () => void): void {
    const wasReady = readiness.ready;
    act();
    if (readiness.ready === wasReady) return;
    revision += 1;
    notify({ revision, touched: new Set(), names: new Set(), addresses: new Set() });
  }

  function view(sandbox: string | undefined): View {
    if (sandbox === undefined) return "host";
    const holder = holders.get(sandbox);
    if (holder === undefined) return [];
    holder.places ??= placesOf(holder.container, networks);
    return holder.places;
  }

  function* containers(): Iterable<Container> {
    for (const { container } of holders.all()) yield container;
  }

  function* entries(): Iterable<Entry> {
    for (const holder of holders.all()) yield* holder.entries.values();
  }

  return {
    get revision() {
      return revision;
    },
    get ready() {
      return readiness.ready;
    },
    index,
    apply,
    expect: (source) => whenReadinessTurns(() => readiness.expect(source)),
    forget(source, cause) {
      const applied = apply({ kind: "sync", source, cause, snapshot: { networks: [], containers: [] } });
      readiness.forget(source);
      return applied;
    },
    get holding() {
      return readiness.holding;
    },
    overdue: (source) => readiness.overdue(source),
    awaited: () => readiness.awaited(),
    onChange(call) {
      const listener = { call };
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    doubt: (source, at) => void verifiedAt.set(source, at),
    containers,
    container: (key) => holders.get(key)?.container,
    findContainer: (text) => findContainer(containers(), text),
    network: (name) => networks.get(name),
    sandboxByAddress: (address) => dwellers.sole(address),
    records: (filter = {}) => recordsOf(entries(), filter, { host, verifiedAt }),
    history: (name) => history.list(name),
    view,
  };
}
