import { expect, test } from "vitest";
import { container, endpoint, put, registryOf } from "./fixture.suite.ts";
import { lookup } from "./lookup.ts";
import type { Container } from "./model.ts";
import type { IndexView } from "./name-index.ts";

/** `count` containers with four names each, twenty to a network. */
function crowd(count: number): Container[] {
  return Array.from({ length: count }, (_, i) => {
    const ipv4 = `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`;
    const network = `net-${Math.floor(i / 20)}`;
    const id = i.toString(16).padStart(12, "0");
    return container(
      `c-${i}`,
      [endpoint(network, { ipv4, aliases: ["web", `svc-${i}`], links: { db: "c-0" } })],
      { id },
    );
  });
}

/** The index, and how often it was asked for anything. */
function counted(index: IndexView) {
  const count = { reads: 0 };
  function counting<Key extends unknown[], Value>(read: (...key: Key) => Value): (...key: Key) => Value {
    return (...key) => {
      count.reads += 1;
      return read(...key);
    };
  }
  const view: IndexView = {
    size: index.size,
    holders: counting(index.holders),
    networksOf: counting(index.networksOf),
    owners: counting(index.owners),
    networksOfAddress: counting(index.networksOfAddress),
  };
  return { view, count };
}

test("a lookup reads as little among 125,000 records as among 125", () => {
  const reads = [25, 25_000].map((containers) => {
    const registry = registryOf(crowd(containers));
    expect(registry.records()).toHaveLength(containers * 5);
    const { view, count } = counted(registry.index);
    for (const qname of ["web.", "c-3.net-0.", "nobody.example.org.", "db."]) {
      lookup(view, registry.view("test/c-3"), qname);
      if (qname !== "web.") lookup(view, "host", qname);
    }
    return count.reads;
  });
  expect(reads[0]).toBe(reads[1]);
  expect(reads[0]).toBeLessThan(40);
});

test("a put costs what its container does: thousands of them among 125,000 records are done in no time", () => {
  const all = crowd(25_000);
  const registry = registryOf(all);
  for (const one of all.slice(0, 5_000)) put(registry, { ...one, hostname: "renamed" });
  expect(registry.revision).toBe(5_001);
  expect(registry.records({ name: "renamed" })).toHaveLength(5_000);
});

test("a network in which everybody links to a name that everybody has is done in no time", () => {
  const all = Array.from({ length: 1_000 }, (_, i) =>
    container(`c-${i}`, [
      endpoint("n", { ipv4: `10.0.${i >> 8}.${i & 255}`, aliases: ["all"], links: { peers: "all" } }),
    ]),
  );
  const registry = registryOf(all);
  put(registry, container("c-0", [endpoint("n", { ipv4: "10.1.0.0" })]));
  expect(registry.records({ container: "c-1", name: "peers" })[0]?.addresses).toHaveLength(999);
});
