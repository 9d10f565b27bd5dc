import type { Clock } from "../base/clock.ts";
import type { Container, Endpoint, Network } from "./model.ts";
import { createRegistry, type Registry } from "./registry.ts";

/** A clock that stands still until it is turned. */
export function stillClock(start = Date.UTC(2026, 0, 1)): Clock & { turn(ms: number): void } {
  let wall = start;
  return {
    wall: () => wall,
    now: () => wall,
    after: () => () => {},
    turn(ms) {
      wall += ms;
    },
  };
}

/** An endpoint in which only what matters to the test is said. */
export function endpoint(network: string, rest: Partial<Endpoint> = {}): Endpoint {
  return { network, aliases: [], links: {}, priority: 0, ...rest };
}

/** A container of source `test`, whose key is its name. */
export function container(
  name: string,
  endpoints: readonly Endpoint[],
  rest: Partial<Container> = {},
): Container {
  return { key: `test/${name}`, name, endpoints, ...rest };
}

export function networks(...names: readonly string[]): Network[] {
  return names.map((name) => ({
    name: name.replace(/^internal:/, ""),
    internal: name.startsWith("internal:"),
  }));
}

/** A registry that source `test` has told of these containers. */
export function registryOf(containers: readonly Container[], known: readonly Network[] = []): Registry {
  const registry = createRegistry({ clock: stillClock(), host: "host-a" });
  sync(registry, containers, known);
  return registry;
}

export function sync(
  registry: Registry,
  containers: readonly Container[],
  known: readonly Network[] = [],
  source = "test",
) {
  return registry.apply({
    kind: "sync",
    source,
    cause: "test sync",
    snapshot: { networks: known, containers },
  });
}

export function put(registry: Registry, one: Container, source = "test") {
  return registry.apply({ kind: "put", source, cause: `test put ${one.name}`, container: one });
}
