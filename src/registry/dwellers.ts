import type { Container } from "./model.ts";

/** Which container has which address, on whatever network, with or without names. */
export interface Dwellers {
  /** Key of the one container that has the address; undefined for none and for several. */
  sole(address: string): string | undefined;
  replace(before: Container | undefined, after: Container | undefined): void;
}

export function createDwellers(): Dwellers {
  const keys = new Map<string, Set<string>>();
  return {
    sole(address) {
      const [first, second] = keys.get(address) ?? [];
      return second === undefined ? first : undefined;
    },
    replace(before, after) {
      for (const address of addressesOf(before)) {
        const there = keys.get(address);
        there?.delete(before!.key);
        if (there?.size === 0) keys.delete(address);
      }
      for (const address of addressesOf(after)) {
        keys.set(address, (keys.get(address) ?? new Set()).add(after!.key));
      }
    },
  };
}

/** None of one that lives in another's sandbox: they are that one's. */
export function addressesOf(container: Container | undefined): string[] {
  if (container === undefined || container.shares !== undefined) return [];
  return container.endpoints.flatMap(({ ipv4, ipv6 }) => [ipv4, ipv6].filter((one) => one !== undefined));
}
