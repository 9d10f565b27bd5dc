import { describe, expect, test } from "vitest";
import { container, endpoint, networks, registryOf } from "./fixture.suite.ts";
import { reverseLookup } from "./reverse.ts";

describe("a reverse lookup", () => {
  const registry = registryOf(
    [
      container("Web-1", [endpoint("shop", { ipv4: "10.5.0.2", ipv6: "fd05::2", aliases: ["web"] })]),
      container("two", [endpoint("shop", { ipv4: "10.5.0.3" }), endpoint("back", { ipv4: "10.5.0.3" })]),
      container("b", [endpoint("shop", { ipv4: "10.5.0.9" })]),
      container("a", [endpoint("shop", { ipv4: "10.5.0.9" })]),
      container("c1.net1", [endpoint("br.net1", { ipv4: "10.7.0.2" })]),
      container("x".repeat(64), [endpoint("shop", { ipv4: "10.5.0.4" })]),
      container("fine", [endpoint("my net", { ipv4: "10.8.0.2" })]),
      container("stopped", [endpoint("shop")]),
    ],
    networks("shop", "internal:back"),
  );

  test.each<[string | undefined, string, string[] | undefined]>([
    ["Web-1", "10.5.0.2", ["Web-1.shop."]],
    ["Web-1", "fd05::2", ["Web-1.shop."]],
    ["two", "10.5.0.2", ["Web-1.shop."]],
    ["two", "10.5.0.3", ["two.shop."]],
    ["Web-1", "10.5.0.9", ["a.shop.", "b.shop."]],
    ["Web-1", "10.7.0.2", undefined],
    ["c1.net1", "10.7.0.2", ["c1.net1.br.net1."]],
    ["c1.net1", "10.5.0.2", undefined],
    ["Web-1", "10.5.0.1", undefined],
    ["Web-1", "10.5.0.4", []],
    ["fine", "10.8.0.2", []],
    ["stopped", "10.5.0.2", ["Web-1.shop."]],
    ["nobody", "10.5.0.2", undefined],
    [undefined, "10.5.0.3", ["two.back."]],
    [undefined, "10.7.0.2", ["c1.net1.br.net1."]],
    [undefined, "127.0.0.1", undefined],
  ])("from %s for %s gives %j", (sandbox, address, names) => {
    const view = registry.view(sandbox && `test/${sandbox}`);
    expect(reverseLookup(registry.index, view, address)?.names).toEqual(names);
  });

  test("gives two containers of one name once", () => {
    const same = { name: "same", endpoints: [endpoint("n", { ipv4: "10.0.0.2" })] };
    const two = registryOf([
      { key: "a", ...same },
      { key: "b", ...same },
    ]);
    expect(reverseLookup(two.index, "host", "10.0.0.2")).toEqual({
      network: "n",
      names: ["same.n."],
      containers: ["same", "same"],
    });
  });
});
