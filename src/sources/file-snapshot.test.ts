import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { formatProblem } from "../yaml/document.ts";
import { readSnapshot } from "./file-snapshot.ts";

const at = { source: "file:shop.yaml", path: "/etc/eleven/shop.yaml" };

function read(text: string) {
  const reading = readSnapshot(text, at);
  if ("problems" in reading) throw new Error(reading.problems.map((p) => formatProblem("f", p)).join("\n"));
  return { ...reading, warnings: reading.warnings.map((p) => formatProblem("f", p)) };
}

function refusals(text: string): string[] {
  const reading = readSnapshot(text, at);
  return "problems" in reading ? reading.problems.map((p) => formatProblem("f", p)) : [];
}

/** Containers on one network `n`, each `name: endpoint` in flow style, from line 3 on. */
const on = (...containers: string[]) =>
  ["networks: { n: {}, m: {} }", "containers:", ...containers.map((each) => `  ${each}`)].join("\n");

describe("readSnapshot", () => {
  it("reads the whole of the format", () => {
    const { snapshot, warnings } = read(`
networks:
  shop: {}
  backend: { internal: true }
  plain:
containers:
  web-1:
    id: 8C5F0E12AB34
    hostname: web-1.example.org
    netns: /run/netns/web-1
    upstreams: [10.0.0.9, "[fd00::1]:5353"]
    networks:
      shop:
        ipv4: 10.5.0.2
        ipv6: FD05:0::2
        aliases: [web, www]
        links: { database: db }
        priority: -1
      plain:
  db: { networks: { shop: {} } }
  stopped: {}
`);
    expect(warnings).toEqual([]);
    expect(snapshot).toEqual({
      networks: [
        { name: "shop", internal: false },
        { name: "backend", internal: true },
        { name: "plain", internal: false },
      ],
      containers: [
        {
          key: "file:shop.yaml/8c5f0e12ab34",
          name: "web-1",
          id: "8c5f0e12ab34",
          hostname: "web-1.example.org",
          netns: "/run/netns/web-1",
          upstreams: [
            { address: "10.0.0.9", port: 53 },
            { address: "fd00::1", port: 5353 },
          ],
          endpoints: [
            {
              network: "shop",
              ipv4: "10.5.0.2",
              ipv6: "fd05::2",
              aliases: ["web", "www"],
              links: { database: "db" },
              priority: -1,
            },
            { network: "plain", aliases: [], links: {}, priority: 0 },
          ],
        },
        {
          key: "file:shop.yaml/db",
          name: "db",
          endpoints: [{ network: "shop", aliases: [], links: {}, priority: 0 }],
        },
        { key: "file:shop.yaml/stopped", name: "stopped", endpoints: [] },
      ],
    });
  });

  it("reads `containers: {}` as none, and takes keys for text", () => {
    expect(read("containers: {}").snapshot).toEqual({ networks: [], containers: [] });
    expect(read("containers: { 1e3: {}, 0x10: {} }").snapshot.containers.map(({ name }) => name)).toEqual([
      "1e3",
      "0x10",
    ]);
  });

  it("takes an empty list of upstreams as nothing said, and leaves itself out of one", () => {
    const { snapshot, warnings } = read(
      on("a: { upstreams: [] }", "b: { upstreams: [127.0.0.11, 127.0.0.1] }"),
    );
    expect(snapshot.containers.map(({ upstreams }) => upstreams)).toEqual([
      undefined,
      [{ address: "127.0.0.1", port: 53 }],
    ]);
    expect(warnings).toEqual([
      "f:4:20: containers.b.upstreams[0]: 127.0.0.11 is this very resolver: left out",
    ]);
  });

  it.each([
    ["an empty file", "", /^f:1:1: is empty: write `containers: \{\}`/],
    ["comments only", "# nothing\n", /is empty/],
    ["a document that starts and says nothing", "---\n", /is empty/],
    ["two documents", "containers: {}\n---\ncontainers: {}\n", /^f:2:1: a second YAML document/],
    ["a syntax error", "containers:\n  a: {\n", /^f:\d:\d+: not valid YAML/],
    ["another shape", "[1]", /^f:1:1: must be a map with the keys networks, containers, not a list$/],
    ["a near key", "contianers: {}", /^f:1:1: unknown key "contianers": did you mean "containers"\?$/],
    ["a far key", on("a: { image: x }"), /^f:3:8: containers.a: unknown key "image": known here: id, /],
    ["a duplicate key", on("a: {}", "a: {}"), /^f:4:3: duplicate key "a": it is on line 3 already$/],
    ["a key of more than text", "? [a]\n: 1", /a key must be plain text/],
    ["a key with no room", on("__proto__: {}"), /"__proto__" cannot be a key/],
    [
      "an unknown network",
      on("a: { networks: { x: {} } }"),
      /f:3:20: containers\.a\.networks: unknown network "x": .*known are n, m/,
    ],
    ["networks as a list", on("a: { networks: [n] }"), /must be a map from network to address.*not a list/],
    ["an empty container", on("a:"), /^f:3:5: containers\.a: must be a map with the keys id,.*not empty$/],
    [
      "an id of other letters",
      on("a: { id: 8c5f0e12ab3g }"),
      /^f:3:12: containers\.a\.id: "8c5f0e12ab3g" is not a container id/,
    ],
    [
      "an id that YAML takes for a number",
      on("a: { id: 123456789012 }"),
      /must be a container id.*not 123456789012 \(put it in quotes/,
    ],
    ["an empty netns", on("a: { netns: '' }"), /is not a path/],
    [
      "upstreams that are no address",
      on("a: { upstreams: [dns.example] }"),
      /^f:3:20: containers\.a\.upstreams\[0\]: "dns.example" is not the address/,
    ],
    ["an upstream that nobody can be", on("a: { upstreams: [224.0.0.1] }"), /is multicast/],
    ["an upstream without a port", on("a: { upstreams: ['10.0.0.1:0'] }"), /is not the address of a server/],
    [
      "a fraction as priority",
      on("a: { networks: { n: { priority: 1.5 } } }"),
      /must be a whole number, not 1.5/,
    ],
    ["text as internal", "networks: { n: { internal: yes } }", /must be true or false, not the text "yes"/],
  ])("refuses %s", (_, text, expected) => {
    expect(refusals(text)).toEqual([expect.stringMatching(expected)]);
  });

  it.each([
    ["ipv4", "10.5.0", "is not an IPv4 address"],
    ["ipv4", "10.5.0.2/16", "has a prefix length"],
    ["ipv4", "fd05::2", "is an IPv6 address: it belongs in ipv6"],
    ["ipv4", "0.0.0.0", "is an unspecified address"],
    ["ipv4", "127.0.0.1", "is a loopback address"],
    ["ipv4", "224.0.0.251", "is a multicast address"],
    ["ipv4", "255.255.255.255", "is the broadcast address"],
    ["ipv6", "10.5.0.2", "is an IPv4 address: it belongs in ipv4"],
    ["ipv6", "::", "is an unspecified address"],
    ["ipv6", "::1", "is a loopback address"],
    ["ipv6", "ff02::fb", "is a multicast address"],
    ["ipv6", "::ffff:10.5.0.2", "is an IPv4 address in IPv6 clothes"],
    ["ipv6", "fe80::1%eth0", "has a zone id"],
  ])("refuses %s: %s", (family, address, reason) => {
    const said = refusals(on(`a: { networks: { n: { ${family}: "${address}" } } }`));
    expect(said).toEqual([expect.stringContaining(reason)]);
    expect(said[0]).toMatch(/^f:3:\d+: containers\.a\.networks\.n\.ipv/);
  });

  const long = "x".repeat(64);
  it.each([
    ["a container's", on(`"${long}": {}`)],
    ["a network's", `networks: { "${long}": {} }`],
    ["a host's", on(`a: { hostname: "${long}" }`)],
    ["an alias's", on(`a: { networks: { n: { aliases: ["${long}"] } } }`)],
    ["a link's", on(`a: { networks: { n: { links: { "${long}": a } } } }`)],
    ["an empty", on(`"": {}`)],
    ["a root", on(`a: { hostname: . }`)],
    ["an overlong", on(`a: { hostname: ${Array(5).fill("y".repeat(60)).join(".")} }`)],
  ])("refuses %s name that DNS cannot carry", (_, text) => {
    expect(refusals(text)).toEqual([expect.stringContaining("cannot be a DNS name")]);
  });

  it("refuses a name that ends in a dot", () => {
    expect(refusals(on("a: { hostname: web. }"))).toEqual([expect.stringContaining('write "web"')]);
  });

  it("refuses one address for two containers of a network, and says both", () => {
    const text = on(
      "a: { networks: { n: { ipv4: 10.5.0.2 } } }",
      "b: { networks: { n: { ipv4: 10.5.0.2 } } }",
    );
    expect(refusals(text)).toEqual([
      'f:4:31: containers.b.networks.n.ipv4: 10.5.0.2 is taken: container "a" has it on n (line 3)',
    ]);
    expect(
      refusals(text.replaceAll("ipv4: 10.5.0.2", "ipv6: fd05::2").replace("fd05::2", "FD05:0::2")),
    ).toHaveLength(1);
  });

  it("refuses one id for two containers, also when one is cut short or the other's name", () => {
    const full = "8c5f0e12ab34".padEnd(64, "0");
    expect(refusals(on("a: { id: 8c5f0e12ab34 }", `b: { id: ${full} }`))).toEqual([
      'f:4:12: containers.b.id: container "a" has this id already (line 3)',
    ]);
    expect(refusals(on("a: { id: 8c5f0e12ab34 }", "8c5f0e12ab34: {}"))).toHaveLength(1);
  });

  it("refuses networks that differ in letter case only", () => {
    expect(refusals("networks: { Shop: {}, shop: {} }")).toEqual([
      expect.stringContaining("one name to DNS"),
    ]);
  });

  it("lists every problem at once, where each stands", () => {
    const said = refusals(on("a: { id: x, image: y }", "b: { networks: { n: { ipv4: 1, ipv5: 2 } } }"));
    expect(said.map((each) => each.split(":")[1])).toEqual(["3", "3", "4", "4"]);
  });

  it.each([
    [
      "a link to nobody",
      on("a: { networks: { n: { links: { d: db } } } }", "db: { networks: { m: {} } }"),
      /^f:3:37: .*links\.d: link to nobody: no container "db" on n yet$/,
    ],
    [
      "a shared namespace",
      on("a: { netns: /x }", "b: { netns: /x }"),
      /^f:4:15: .*"a" has this network namespace, too \(line 3\)/,
    ],
    [
      "an alias that is another's name",
      on("a: { networks: { n: {} } }", "b: { networks: { n: { aliases: [c, A] } } }"),
      /^f:4:\d+: .*aliases\[1\]: "A" is the name of another container on n: both answer$/,
    ],
    [
      "an address on two networks",
      on("a: { networks: { n: { ipv4: 10.5.0.2 } } }", "b: { networks: { m: { ipv4: 10.5.0.2 } } }"),
      /^f:4:.*on two networks: container "a" has it on n \(line 3\)/,
    ],
    [
      "names that differ in letter case only",
      on("a: {}", "A: {}"),
      /^f:4:3: .*"A" and "a" are one name to DNS/,
    ],
    ["a relative netns", on("a: { netns: x/y }"), /is relative/],
  ])("warns of %s, and goes on", (_, text, expected) => {
    expect(read(text).warnings).toEqual([expect.stringMatching(expected)]);
  });

  it("takes a relative netns from the folder of the file", () => {
    expect(read(on("a: { netns: ns/a }")).snapshot.containers[0]?.netns).toBe("/etc/eleven/ns/a");
  });

  it("says nothing of networks that nobody uses, or of a container's alias for itself", () => {
    expect(read(on("a: { networks: { n: { aliases: [a], links: { me: a } } } }")).warnings).toEqual([]);
  });

  it("follows anchors, and puts a problem where the anchor's content stands", () => {
    const text = on("a: &a { networks: { n: {} }, id: no }", "b: *a");
    expect(refusals(text)).toHaveLength(2);
    expect(refusals(text).every((each) => each.startsWith("f:3:36:"))).toBe(true);
  });

  it("survives nesting without end and aliases that multiply", () => {
    expect(refusals("[".repeat(50_000))).not.toEqual([]);
    const bomb = [
      "a0: &a0 [x, x]",
      ...Array.from({ length: 30 }, (_, i) => `a${i + 1}: &a${i + 1} [*a${i}, *a${i}]`),
    ];
    expect(refusals(bomb.join("\n"))).toEqual([expect.stringContaining("cannot be read as YAML")]);
  });
});

describe("any valid document", () => {
  // Not all digits: plain objects, ours and the yaml printer's, put such keys first.
  const name = fc.stringMatching(/^[a-z][a-z0-9_-]{0,20}$/);
  const endpoint = fc.record(
    {
      aliases: fc.array(name, { maxLength: 3 }),
      links: fc.dictionary(name, name, { maxKeys: 2 }),
      priority: fc.integer(),
    },
    { requiredKeys: [] },
  );
  const document = fc.uniqueArray(name, { minLength: 1, maxLength: 3 }).chain((networks) =>
    fc.record({
      networks: fc.constant(Object.fromEntries(networks.map((each, i) => [each, { internal: i === 1 }]))),
      containers: fc.dictionary(
        name,
        fc.record(
          {
            hostname: name,
            netns: name.map((each) => `/run/netns/${each}`),
            networks: fc.dictionary(fc.constantFrom(...networks), endpoint),
          },
          { requiredKeys: ["networks"] },
        ),
        { maxKeys: 6 },
      ),
    }),
  );

  it("becomes a snapshot with the same content", () => {
    fc.assert(
      fc.property(document, (value) => {
        let host = 0;
        // Addresses are handed out here, since each may be used once only.
        for (const container of Object.values(value.containers)) {
          for (const endpoint of Object.values(container.networks)) {
            host += 1;
            Object.assign(endpoint, { ipv4: `10.0.0.${host}`, ...(host % 2 && { ipv6: `fd00::${host}` }) });
          }
        }
        const { snapshot } = read(stringify(value));
        expect(snapshot.networks).toEqual(
          Object.entries(value.networks).map(([key, rest]) => ({ name: key, ...rest })),
        );
        expect(snapshot.containers).toEqual(
          Object.entries(value.containers).map(([key, { networks, ...rest }]) => ({
            key: `file:shop.yaml/${key}`,
            name: key,
            ...rest,
            endpoints: Object.entries(networks).map(([network, each]) => ({
              network,
              aliases: [],
              links: {},
              priority: 0,
              ...each,
            })),
          })),
        );
      }),
    );
  });

  it("and any text at all is read or refused, never thrown at", () => {
    const junk = fc.oneof(
      fc.string(),
      fc
        .array(
          fc.constantFrom(
            "containers",
            "networks",
            ":",
            " ",
            "\n",
            "  ",
            "{",
            "}",
            "[",
            "- ",
            "&a",
            "*a",
            "?",
            "|",
            "%YAML 1.1\n---\n",
            "!!set ",
          ),
        )
        .map((parts) => parts.join("")),
      fc.jsonValue().map((value) => stringify(value)),
    );
    fc.assert(
      fc.property(junk, (text) => {
        const reading = readSnapshot(text, at);
        if ("problems" in reading) expect(reading.problems.length).toBeGreaterThan(0);
      }),
      { numRuns: 500 },
    );
  });
});
