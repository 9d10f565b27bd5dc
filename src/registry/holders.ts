import type { Entry, Holder } from "./entry.ts";
import type { Container } from "./model.ts";

/** The containers that there are, by key and by the source that told of them. */
export interface Holders {
  get(key: string): Holder | undefined;
  all(): Iterable<Holder>;
  /** Keys of all containers of one source. */
  keysOf(source: string): Iterable<string>;
  /** The holder of the container's key, made if there is none; what it holds already is left as it is. */
  obtain(source: string, container: Container): Holder;
  delete(holder: Holder): void;
}

export function createHolders(): Holders {
  const byKey = new Map<string, Holder>();
  const keys = new Map<string, Set<string>>();
  return {
    get: (key) => byKey.get(key),
    all: () => byKey.values(),
    keysOf: (source) => keys.get(source) ?? [],
    obtain(source, container) {
      const { key } = container;
      const entries: Holder["entries"] = new Map<string, Entry>();
      const holder = byKey.get(key) ?? { source, container, entries, places: undefined };
      byKey.set(key, holder);
      keys.set(source, (keys.get(source) ?? new Set()).add(key));
      return holder;
    },
    delete({ source, container }) {
      byKey.delete(container.key);
      const others = keys.get(source);
      others?.delete(container.key);
      if (others?.size === 0) keys.delete(source);
    },
  };
}
