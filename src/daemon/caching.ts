import type { CacheReport, FlushReport } from "../api/control.ts";
import { CodedError } from "../base/errors.ts";
import type { ServerAddress } from "../base/server-address.ts";
import type { Cache } from "../cache/cache.ts";
import type { Container } from "../registry/model.ts";
import type { Query } from "../resolver/resolver.ts";
import type { Select } from "../upstream/forwarder.ts";
import { nameFromText } from "../wire/name.ts";
import { hasOwnUpstreams } from "./upstreams.ts";

/**
 * Whose answers a query may be given: of those who are sent to the same servers from the same namespace. A container
 * with upstreams of its own shares with nobody, as the namespace it asks them from is its own.
 */
export function scopeOf(
  forwarder: string,
  select: Select,
  containerOf: (sandbox: string | undefined) => Container | undefined,
): (query: Query) => string {
  /** Of lists of servers that are asked by many: these stay the same objects until they change. */
  const shared = new WeakMap<readonly ServerAddress[], string>();
  return (query) => {
    const { servers } = select(query);
    const container = containerOf(query.client.sandbox);
    if (hasOwnUpstreams(container)) {
      return JSON.stringify([forwarder, servers, container.key, container.netns]);
    }
    const known = shared.get(servers);
    if (known !== undefined) return known;
    const text = JSON.stringify([forwarder, servers]);
    shared.set(servers, text);
    return text;
  };
}

/** The cache as its commands see it; `flushed` is called after something was forgotten. `eleven cache flush` of a name that is none throws a CodedError USAGE. */
export function cacheControl(
  cache: () => Cache,
  flushed: () => void,
): {
  cache(): CacheReport;
  flushCache(name: string | undefined): FlushReport;
} {
  return {
    cache: () => cache().stats(),
    flushCache(text) {
      const name = text === undefined ? undefined : nameFromText(text);
      if (text === undefined || name !== undefined) {
        const count = cache().flush(name);
        flushed();
        return { flushed: count };
      }
      throw new CodedError("USAGE", `Cannot forget "${text}": it is not a domain name`, {
        remedy: "name what was asked for, like this: eleven cache flush www.example.org",
      });
    },
  };
}
