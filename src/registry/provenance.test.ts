import { describe, expect, test } from "vitest";
import { container, endpoint, registryOf, sync } from "./fixture.suite.ts";
import { provenance } from "./provenance.ts";
import { createRegistry } from "./registry.ts";

const old = (aliases: readonly string[]) =>
  container("old", [endpoint("shop", { ipv4: "10.77.0.155", ...(aliases.length > 0 && { aliases }) })]);
const next = (aliases: readonly string[]) =>
  container("new", [endpoint("shop", { ipv4: "10.77.0.146", aliases })]);

describe("where bindings come from", () => {
  test("an address has an owner, and names with time and cause", () => {
    const registry = registryOf([old(["armory"]), next([])]);
    const { owners, names, removed } = provenance(registry).ofAddress("10.77.0.155");
    expect(owners).toMatchObject([
      { container: "old", network: "shop", source: "test", revision: 1, cause: "test sync" },
    ]);
    expect(names).toMatchObject([
      { name: "armory", kind: "alias", container: "old", source: "test", cause: "test sync" },
      { name: "old", kind: "container-name" },
    ]);
    expect(removed).toEqual([]);
  });

  test("an alias that moved is told, with who has the address now", () => {
    const registry = registryOf([old(["armory"]), next([])]);
    sync(registry, [old([]), next(["armory"])]);
    const told = provenance(registry);
    const removal = {
      action: "removed",
      address: "10.77.0.155",
      container: "old",
      cause: "test sync",
      revision: 2,
      heldNowBy: ["old"],
    };
    expect(told.removedFrom("ARMORY", "all")).toMatchObject([removal]);
    expect(told.removedFrom("armory", ["shop"])).toHaveLength(1);
    expect(told.removedFrom("armory", ["elsewhere"])).toEqual([]);
    expect(told.ofAddress("10.77.0.155").removed).toMatchObject([removal]);
    expect(told.ofAddress("10.77.0.155").names.map(({ name }) => name)).toEqual(["old"]);
  });

  test("what was given back is not told as removed", () => {
    const registry = registryOf([old(["armory"])]);
    sync(registry, []);
    expect(provenance(registry).removedFrom("armory", "all")).toMatchObject([{ heldNowBy: [] }]);
    sync(registry, [old(["armory"])]);
    expect(provenance(registry).removedFrom("armory", "all")).toEqual([]);
    expect(provenance(registry).ofAddress("10.77.0.155").owners).toMatchObject([{ revision: 3 }]);
  });

  test("an address of a container that no name leads to has an owner all the same", () => {
    const registry = registryOf([container("x", [endpoint("bridge", { ipv4: "10.1.0.2", nameless: true })])]);
    expect(provenance(registry).ofAddress("10.1.0.2")).toMatchObject({
      owners: [{ container: "x", source: null, since: null, revision: null, cause: null }],
      names: [],
    });
  });

  test("what the history has forgotten keeps its time, without the cause", () => {
    const registry = createRegistry({
      clock: { wall: () => 0, now: () => 0, after: () => () => {} },
      host: "host-a",
      historyLimit: 0,
    });
    sync(registry, [old(["armory"])]);
    const [owner] = provenance(registry).ofAddress("10.77.0.155").owners;
    expect(owner).toMatchObject({ since: "1970-01-01T00:00:00.000Z", revision: 1, cause: null });
  });
});
