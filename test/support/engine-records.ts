import type { RegistryRecord } from "../../src/registry/model.ts";
import type { Registry } from "../../src/registry/registry.ts";
import type { Engine } from "./engine.ts";

interface Inspected {
  readonly Id: string;
  readonly Name: string;
  readonly State: { readonly Running: boolean; readonly Restarting: boolean };
  readonly Config: { readonly Hostname: string };
  readonly NetworkSettings: {
    readonly Networks: Readonly<
      Record<
        string,
        {
          readonly Aliases: readonly string[] | null;
          readonly Links: readonly string[] | null;
          readonly IPAddress: string;
          readonly GlobalIPv6Address: string;
        }
      >
    >;
  };
}

/**
 * The names that the engine's own list makes, in the simplest words, as `network name container: addresses`. Kinds
 * aside, it is what `registry.records()` has to be; written apart from the source, so that they can disagree.
 */
export async function engineRecords(engine: Engine): Promise<string[]> {
  const list = await engine.api<{ Id: string }[]>("/containers/json?all=1");
  const rows = new Set<string>();
  const held = new Map<string, Set<string>>();
  const links: { network: string; alias: string; target: string; name: string }[] = [];
  for (const { Id } of list) {
    const { Name, State, Config, NetworkSettings } = await engine.api<Inspected>(`/containers/${Id}/json`);
    const name = Name.slice(1);
    for (const [network, endpoint] of Object.entries(NetworkSettings.Networks)) {
      if (["bridge", "host", "none"].includes(network)) continue;
      const { Aliases, Links, IPAddress, GlobalIPv6Address } = endpoint;
      const isUp = State.Running && !State.Restarting;
      const addresses = isUp ? [IPAddress, GlobalIPv6Address].filter((one) => one !== "") : [];
      const names = [name, ...(Aliases ?? []), Id.slice(0, 12), Config.Hostname];
      const distinct = new Map(names.map((one) => [one.toLowerCase(), one]));
      for (const [folded, one] of distinct) {
        rows.add(row(network, one, name, addresses));
        const key = `${network} ${folded}`;
        held.set(key, new Set([...(held.get(key) ?? []), ...addresses]));
      }
      for (const link of Links ?? []) {
        const [target = "", alias = target] = link.split(":");
        links.push({ network, alias, target, name });
      }
    }
  }
  for (const { network, alias, target, name } of links) {
    rows.add(
      row(network, alias, `${name} (link)`, [...(held.get(`${network} ${target.toLowerCase()}`) ?? [])]),
    );
  }
  return [...rows].sort();
}

export function registryRecords(registry: Registry): string[] {
  return registry
    .records()
    .map(({ network, name, kind, container, addresses }: RegistryRecord) =>
      row(network, name, kind === "link" ? `${container} (link)` : container, addresses),
    )
    .sort();
}

function row(network: string, name: string, container: string, addresses: readonly string[]): string {
  // A name in two letter cases is one name, and either is right.
  return `${network} ${name.toLowerCase()} ${container}: ${[...addresses].sort().join(" ")}`;
}

/**
 * Waits until the registry is what the engine's list says, and looks again whenever the registry changes. The engine
 * goes on for a moment after a command has returned, so its list is read anew each time. Gives how long that took.
 */
export async function settled(registry: Registry, engine: Engine, withinMs = 15_000): Promise<number> {
  const begin = performance.now();
  for (;;) {
    const wanted = await engineRecords(engine).catch((error: unknown) => [String(error)]);
    const have = registryRecords(registry);
    if (JSON.stringify(wanted) === JSON.stringify(have)) return performance.now() - begin;
    if (performance.now() - begin > withinMs) {
      const missing = wanted.filter((one) => !have.includes(one));
      const stale = have.filter((one) => !wanted.includes(one));
      throw new Error(
        `not settled in ${withinMs} ms; missing: ${missing.join("; ")}; stale: ${stale.join("; ")}`,
      );
    }
    await changed(registry, 200);
  }
}

/** Resolves with the next change of the registry, or after so long. */
export function changed(registry: Registry, withinMs: number): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, withinMs);
    const unsubscribe = registry.onChange(done);
    function done(): void {
      clearTimeout(timer);
      unsubscribe();
      resolve();
    }
  });
}
