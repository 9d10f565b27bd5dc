import { describe, expect, test } from "vitest";
import { bindingsOf } from "./bindings.ts";
import { container, endpoint } from "./fixture.suite.ts";
import type { Container } from "./model.ts";

describe("the bindings of a container", () => {
  function names(one: Container): string[] {
    return bindingsOf(one).map(({ kind, name }) => `${kind} ${name}`);
  }

  test("are container name, aliases in order, short id, hostname (observed: Docker's TestDNSNamesOrder)", () => {
    const id = "35de8003b19e27f636fc6ecbf4d7072558b872a8544f287fd69ad8182ad59023";
    const one = container("foobar", [endpoint("net", { aliases: ["myctr", "another"] })], {
      id,
      hostname: "baz",
    });
    expect(names(one)).toEqual([
      "container-name foobar",
      "alias myctr",
      "alias another",
      "short-id 35de8003b19e",
      "hostname baz",
    ]);
  });

  test.each<[string, string[], string | undefined, string[]]>([
    ["an alias twice", ["web", "web"], undefined, ["container-name c", "alias web"]],
    ["an alias in two cases", ["Web", "wEB"], undefined, ["container-name c", "alias Web"]],
    ["an alias equal to the container name", ["C"], undefined, ["container-name c"]],
    [
      "an alias with and without its last dot",
      ["web.", "web"],
      undefined,
      ["container-name c", "alias web."],
    ],
    [
      "the default hostname, which is the short id",
      [],
      "0123456789ab",
      ["container-name c", "short-id 0123456789ab"],
    ],
    [
      "a hostname equal to an alias",
      ["web"],
      "WEB",
      ["container-name c", "alias web", "short-id 0123456789ab"],
    ],
  ])("hold %s once, as the first of its kinds", (_, aliases, hostname, expected) => {
    const id = "0123456789abcdef";
    const one = container("c", [endpoint("net", { aliases })], {
      id,
      ...(hostname === undefined ? {} : { hostname }),
    });
    const withId = expected.some((name) => name.startsWith("short-id"))
      ? expected
      : [...expected, "short-id 0123456789ab"];
    expect(names(one)).toEqual(withId);
  });

  test("are made for each network by itself, with its own aliases and addresses", () => {
    const one = container("c", [
      endpoint("a", { aliases: ["x"], ipv4: "10.0.0.2", ipv6: "fd00::2" }),
      endpoint("b", { ipv4: "10.1.0.2" }),
    ]);
    expect(bindingsOf(one).map(({ network, name, addresses }) => [network, name, ...addresses])).toEqual([
      ["a", "c", "10.0.0.2", "fd00::2"],
      ["a", "x", "10.0.0.2", "fd00::2"],
      ["b", "c", "10.1.0.2"],
    ]);
  });

  test("are there without addresses for an endpoint that has none", () => {
    expect(bindingsOf(container("c", [endpoint("a")]))).toMatchObject([{ name: "c", addresses: [] }]);
  });

  test("join the addresses of a container that is in one network twice", () => {
    const twice = [endpoint("a", { ipv4: "10.0.0.2" }), endpoint("a", { ipv4: "10.0.0.3" })];
    expect(bindingsOf(container("c", twice))).toMatchObject([
      { name: "c", addresses: ["10.0.0.2", "10.0.0.3"] },
    ]);
  });

  test("keep an alias and a link of one name apart", () => {
    const one = container("c", [endpoint("a", { aliases: ["db"], links: { DB: "Postgres" } })]);
    expect(bindingsOf(one)).toMatchObject([
      { name: "c" },
      { name: "db", kind: "alias" },
      { name: "DB", kind: "link", folded: "db.", target: "postgres.", addresses: [] },
    ]);
  });

  test.each(["x".repeat(64), "a..b", "", ".", `${"abcdefg.".repeat(32)}x`])(
    "keep a name that cannot be asked for: %j",
    (alias) => {
      const one = container("c", [endpoint("a", { aliases: [alias, alias] })]);
      expect(bindingsOf(one)).toMatchObject([{ name: "c" }, { name: alias, folded: undefined }]);
    },
  );

  test.each([
    ["web.example.com", "web.example.com."],
    ["a_b", "a_b."],
    ["*.x", "*.x."],
    ["Grün", "gr\\195\\188n."],
  ])("take names as free text: %s", (alias, folded) => {
    const one = container("c", [endpoint("a", { aliases: [alias] })]);
    expect(bindingsOf(one)[1]).toMatchObject({ name: alias, folded });
  });
});
