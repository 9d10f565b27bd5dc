import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseResolvConf } from "./resolv-conf.ts";

const empty = { nameservers: [], search: [], options: [], other: [], invalid: [] };

describe("parseResolvConf", () => {
  it.each([
    ["nothing", "", {}],
    ["comments in column 0", "# nameserver 10.0.0.1\n;nameserver 10.0.0.2\n", {}],
    ["an indented comment, as a line of its own", " # hello\n", { other: [" # hello"] }],
    ["an indented keyword", "\tnameserver  10.0.0.1 \n", { nameservers: [{ address: "10.0.0.1", line: 1 }] }],
    [
      "words behind an address",
      "nameserver 10.0.0.1 # lan",
      { nameservers: [{ address: "10.0.0.1", line: 1 }] },
    ],
    ["a nameserver without a word", "nameserver\nnameserver  \n", {}],
    [
      "more than three servers, IPv6 and a zone",
      "nameserver 10.0.0.1\n\nnameserver fd00::1\nnameserver fe80::1%eth0\nnameserver 10.0.0.4",
      {
        nameservers: [
          { address: "10.0.0.1", line: 1 },
          { address: "fd00::1", line: 3 },
          { address: "fe80::1%eth0", line: 4 },
          { address: "10.0.0.4", line: 5 },
        ],
      },
    ],
    [
      "addresses that are none",
      "nameserver dns.example\nnameserver 10.0.0.01\n",
      {
        invalid: [
          { text: "dns.example", line: 1, reason: "not an IP address" },
          { text: "10.0.0.01", line: 2, reason: "not an IP address" },
        ],
      },
    ],
    ["search after domain", "domain a.test\nsearch b.test c.test", { search: ["b.test", "c.test"] }],
    ["domain after search", "search b.test c.test\ndomain a.test", { search: ["a.test"] }],
    ["search without a word", "search b.test\nsearch", { search: ["b.test"] }],
    ["a comment behind values", "search a.test # x", { search: ["a.test", "#", "x"] }],
    [
      "options over lines",
      "options ndots:2 rotate\noptions edns0",
      { options: ["ndots:2", "rotate", "edns0"] },
    ],
    [
      "unknown keywords",
      "sortlist 10.0.0.0/8  x\nNameserver 10.0.0.1",
      { other: ["sortlist 10.0.0.0/8  x", "Nameserver 10.0.0.1"] },
    ],
    [
      "lines ending in CRLF",
      "search a.test\r\nnameserver 10.0.0.1\r\n",
      { search: ["a.test"], nameservers: [{ address: "10.0.0.1", line: 2 }] },
    ],
  ])("reads %s", (_, text, expected) => {
    expect(parseResolvConf(text)).toEqual({ ...empty, ...expected });
  });

  it("reads any text without throwing, and finds each nameserver line once", () => {
    const line = fc.oneof(
      fc.string(),
      fc.ipV4().map((address) => `nameserver ${address}`),
      fc.string().map((word) => `nameserver x${word.replaceAll(/\s/g, "")}`),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const { nameservers, invalid } = parseResolvConf(lines.join("\n"));
        const found = [...nameservers, ...invalid].map(({ line }) => line);
        expect(new Set(found).size).toBe(found.length);
        expect(nameservers.length).toBeGreaterThanOrEqual(
          lines.filter((each) => /^nameserver \d/.test(each)).length,
        );
      }),
    );
  });
});
