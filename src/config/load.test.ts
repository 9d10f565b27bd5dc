import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stringify } from "yaml";
import { CodedError } from "../base/errors.ts";
import { loadConfig, readConfig } from "./load.ts";
import { defaultSocket } from "./socket-path.ts";

const defaults = {
  socket: defaultSocket(),
  listen: [{ address: "127.0.0.1", port: 5311 }],
  sources: [],
  attach: "none",
  upstreams: "host",
  policy: "ordered",
  ipv6: "auto",
  resolvConf: "/etc/resolv.conf",
  fallbackUpstreams: [],
  domains: new Map(),
  hostSuffix: "docker.",
  ttl: 5,
  cache: {
    maxBytes: 8_388_608,
    minTtl: 0,
    maxTtl: 86_400,
    maxNegativeTtl: 900,
    prefetch: true,
    serveStale: { maxAge: 86_400, ttl: 30, answerAfter: 1.8, recheck: 30 },
  },
  dataplane: { workers: 1, tableBytes: 33_554_432 },
  nodeLocal: undefined,
  metrics: undefined,
};

const dns = (address: string, port = 53) => ({ address, port });
const docker = [dns("8.8.8.8"), dns("8.8.4.4"), dns("2001:4860:4860::8888"), dns("2001:4860:4860::8844")];

function read(text: string) {
  return readConfig(text, "/etc/eleven/eleven.yaml");
}

/** The lines of the refusal. */
function refused(text: string): string[] {
  try {
    readConfig(text, "eleven.yaml");
  } catch (error) {
    expect(error).toBeInstanceOf(CodedError);
    expect(error).toMatchObject({ code: "CONFIG", remedy: expect.stringContaining("docs/config.md") });
    return (error as CodedError).message.split("\n");
  }
  return [];
}

describe("readConfig", () => {
  it.each([
    ["nothing", ""],
    ["comments", "# all as it is\n"],
    ["an empty document", "---\n...\n"],
    ["an empty map", "{}"],
  ])("gives every key its default for %s", (_, text) => {
    expect(read(text)).toEqual(defaults);
    expect(Object.keys(read(text))).toEqual(Object.keys(defaults));
  });

  it.each([
    ["socket: eleven.sock", { socket: "/etc/eleven/eleven.sock" }],
    ["listen: []", { listen: [] }],
    ['listen: ["[::1]:53", 0.0.0.0:0]', { listen: [dns("::1"), dns("0.0.0.0", 0)] }],
    ["sources: [{ file: shop.yaml }]", { sources: [{ kind: "file", path: "/etc/eleven/shop.yaml" }] }],
    ["sources: [{ docker: true }]", { sources: [{ kind: "docker", url: undefined }] }],
    ["sources: [{ docker: /x.sock }]", { sources: [{ kind: "docker", url: "unix:///x.sock" }] }],
    [
      "sources: [{ docker: 'tcp://10.0.0.1:2375' }]",
      { sources: [{ kind: "docker", url: "tcp://10.0.0.1:2375" }] },
    ],
    ["attach: all", { attach: "all" }],
    ["attach: [web-1, db]", { attach: ["web-1", "db"] }],
    ["upstreams: []", { upstreams: [] }],
    [
      'upstreams: [10.0.0.1, "10.0.0.2:5353", "[FD00:0::1]:53", "fe80::1%eth0"]',
      { upstreams: [dns("10.0.0.1"), dns("10.0.0.2", 5353), dns("fd00::1"), dns("fe80::1%eth0")] },
    ],
    [
      'upstreams: [tls://10.0.0.1, "tls://[FD00::1]:8853#DNS.example.", tcp://10.0.0.2:5353]',
      {
        upstreams: [
          { ...dns("10.0.0.1", 853), transport: "tls" },
          { ...dns("fd00::1", 8853), transport: "tls", tlsName: "DNS.example" },
          { ...dns("10.0.0.2", 5353), transport: "tcp" },
        ],
      },
    ],
    ["policy: fastest", { policy: "fastest" }],
    ["ipv6: off", { ipv6: "off" }],
    ["resolvConf: ../resolv.conf", { resolvConf: "/etc/resolv.conf" }],
    ["fallbackUpstreams: docker", { fallbackUpstreams: docker }],
    ["fallbackUpstreams: [9.9.9.9, docker]", { fallbackUpstreams: [dns("9.9.9.9"), ...docker] }],
    ["domains: { Corp.Example: [10.1.0.53] }", { domains: new Map([["corp.example.", [dns("10.1.0.53")]]]) }],
    ["ttl: 0", { ttl: 0 }],
    ["ttl: 86400", { ttl: 86400 }],
    ["cache: {}", {}],
    ["nodeLocal: false", {}],
    [
      "nodeLocal: { address: 169.254.20.10 }",
      { nodeLocal: { address: "169.254.20.10", intercept: [], upstreams: undefined, forceTcp: false } },
    ],
    [
      "nodeLocal: { address: 169.254.20.10, intercept: [10.96.0.10], upstreams: [10.96.0.11], forceTcp: true }",
      {
        nodeLocal: {
          address: "169.254.20.10",
          intercept: ["10.96.0.10"],
          upstreams: [dns("10.96.0.11")],
          forceTcp: true,
        },
      },
    ],
    ["dataplane: portable", { dataplane: "portable" }],
    ["dataplane: { workers: 2 }", { dataplane: { workers: 2, tableBytes: 33_554_432 } }],
    ["cache: false", { cache: { ...defaults.cache, maxBytes: 0 } }],
    [
      "cache: { minTtl: 5, serveStale: { answerAfter: 0.5 } }",
      {
        cache: {
          ...defaults.cache,
          minTtl: 5,
          serveStale: { ...defaults.cache.serveStale, answerAfter: 0.5 },
        },
      },
    ],
    ["cache: { serveStale: false }", { cache: { ...defaults.cache, serveStale: false } }],
    ["metrics: 127.0.0.1:9153", { metrics: dns("127.0.0.1", 9153) }],
  ])("reads %s", (text, expected) => {
    expect(read(text)).toEqual({ ...defaults, ...expected });
  });

  it.each([
    ["listn: []", '1:1: unknown key "listn": did you mean "listen"?'],
    ["\n\n  colour: red", '3:3: unknown key "colour": known here: socket, listen, sources, attach,'],
    ["sources: [{ fiel: x }]", '1:13: sources[0]: unknown key "fiel": did you mean "file"?'],
    ["cache: { size: 1 }", '1:10: cache: unknown key "size": known here: maxBytes, minTtl, '],
    [
      "nodeLocal: true",
      "1:12: nodeLocal: must be a map with the keys address, intercept, upstreams, forceTcp",
    ],
    ["nodeLocal: {}", "1:12: nodeLocal"],
    [
      "nodeLocal: { address: fd00::1 }",
      '1:23: nodeLocal.address: "fd00::1" is not an IPv4 address that nobody has, like 169.254.20.10',
    ],
    ["nodeLocal: { address: 127.0.0.1 }", '1:23: nodeLocal.address: "127.0.0.1" is loopback: write'],
    [
      "nodeLocal: { address: 10.0.0.1, intercept: [10.0.0.1] }",
      "1:45: nodeLocal.intercept[0]: is `address` already",
    ],
    ["nodeLocal: { address: 10.0.0.1, upstreams: [] }", "1:44: nodeLocal.upstreams: names no server"],
    ["nodeLocal: { address: 10.0.0.1, forceTcp: 1 }", "1:43: nodeLocal.forceTcp: must be true or false"],
    [
      "nodeLocal: { address: 10.0.0.1, intercept: [10.0.0.2], upstreams: [10.0.0.3, 10.0.0.2] }",
      "1:78: nodeLocal.upstreams[1]: 10.0.0.2 is intercepted, so on this machine it leads back here: name the",
    ],
    [
      "nodeLocal: { address: 10.0.0.1 }\nupstreams: [tcp://10.0.0.1]",
      "2:13: upstreams[0]: 10.0.0.1 is the node-local listener itself: name the servers",
    ],
    [
      "nodeLocal: { address: 10.0.0.1 }\ndomains: { corp.example: [10.0.0.1] }",
      "2:10: domains: 10.0.0.1 is the node-local listener itself",
    ],
    [
      "nodeLocal: { address: 10.0.0.1 }\nlisten: [10.0.0.1:53]",
      "2:10: listen[0]: is listened on by `nodeLocal` already",
    ],
    ["dataplane: fast", "1:12: dataplane: "],
    ["dataplane: { workers: 0 }", "1:23: dataplane.workers: "],
    ["cache: true", "1:8: cache: must be a map with the keys maxBytes, minTtl, "],
    [
      "cache: { maxBytes: 8MB }",
      "1:20: cache.maxBytes: must be a whole number of bytes from 0 to 1073741824, not the text",
    ],
    ["cache: { maxTtl: 0 }", "1:18: cache.maxTtl: must be a whole number of seconds from 1 to 604800, not 0"],
    ["cache: { minTtl: 60, maxTtl: 30 }", "1:18: cache.minTtl: 60 is above maxTtl, 30"],
    ["cache: { prefetch: often }", '1:20: cache.prefetch: must be true or false, not the text "often"'],
    ["cache: { serveStale: true }", "1:22: cache.serveStale: must be a map with the keys maxAge, ttl, "],
    [
      "cache: { serveStale: { maxage: 1 } }",
      '1:24: cache.serveStale: unknown key "maxage": did you mean "maxAge"?',
    ],
    [
      "cache: { serveStale: { answerAfter: 3 } }",
      "1:37: cache.serveStale.answerAfter: must be a number of seconds from 0 to 1.8, not 3",
    ],
    ["ttl: 1\nttl: 2", '2:1: duplicate key "ttl": it is on line 1 already'],
    ["ttl: 1\n---\nttl: 2", "2:1: a second YAML document"],
    ["a: [", "1:5: not valid YAML"],
    ["- ttl", "1:1: must be a map with the keys socket, listen"],
    [
      "listen:",
      "1:8: listen: must be a list of address:port, like [127.0.0.1:5311], or [] for none, not empty",
    ],
    [
      "listen: 127.0.0.1:5311",
      '1:9: listen: must be a list of address:port, like [127.0.0.1:5311], or [] for none, not the text "127.0.0.1:5311"',
    ],
    [
      "listen: [127.0.0.1]",
      '1:10: listen[0]: "127.0.0.1" has no port: write an address and a port, like 127.0.0.1:5311',
    ],
    ["listen: [localhost:53]", '1:10: listen[0]: "localhost:53" is not an address and a port'],
    ["listen: [127.0.0.1:65536]", "1:10: listen[0]:"],
    ["listen: [224.0.0.1:53]", '1:10: listen[0]: "224.0.0.1:53" is multicast'],
    ["listen: [127.0.0.1:53, 127.0.0.1:53]", "1:24: listen[1]: is in the list already"],
    ["sources: [{ file: a }, { file: ./a }]", "1:24: sources[1]: is in the list already"],
    ["sources: [{}]", '1:11: sources[0]: must have one key, "file" or "docker", not none'],
    [
      "sources: [{ file: a, docker: true }]",
      '1:11: sources[0]: must have one key, "file" or "docker", not both',
    ],
    ["sources: [{ file: '' }]", '1:19: sources[0].file: "" is not a path'],
    [
      "sources: [{ docker: false }]",
      "1:21: sources[0].docker: must be true, the path of its socket or a URL",
    ],
    [
      "sources: [{ docker: 'gopher://x' }]",
      '1:21: sources[0].docker: "gopher://x" is no way to reach Docker',
    ],
    ["sources: [shop.yaml]", "1:11: sources[0]: must be a map with the keys file, docker, not the text"],
    [
      "attach: web-1",
      '1:9: attach: must be none, all or a list of container names, like [web-1], not the text "web-1"',
    ],
    [
      "attach: [1]",
      "1:10: attach[0]: must be the name of a container, not 1 (put it in quotes if it is meant as text)",
    ],
    ["attach: ['']", "1:10: attach[0]: must be the name of a container"],
    [
      "upstreams: hosts",
      '1:12: upstreams: must be host or a list, like [10.0.0.1, "10.0.0.2:5353"], not the text "hosts"',
    ],
    ["upstreams: [10.0.0.1, 10.0.0]", '1:23: upstreams[1]: "10.0.0" is not the address of a server'],
    ["upstreams: [[fd00::1]:53]", "1:13: "],
    ["upstreams: [0.0.0.0]", '1:13: upstreams[0]: "0.0.0.0" is unspecified'],
    [
      "upstreams: [https://10.0.0.1]",
      '1:13: upstreams[0]: "https://10.0.0.1" is no way to ask a server: write tls://10.0.0.1',
    ],
    [
      "upstreams: [tls://dns.example]",
      '1:13: upstreams[0]: "tls://dns.example" is not the address of a server',
    ],
    [
      "upstreams: [tcp://10.0.0.1#dns.example]",
      '1:13: upstreams[0]: "tcp://10.0.0.1#dns.example" names a certificate',
    ],
    ["upstreams: [tls://10.0.0.1#]", '1:13: upstreams[0]: "tls://10.0.0.1#" has no name'],
    ["policy: fast", '1:9: policy: must be ordered, fastest or random, not the text "fast"'],
    ["ipv6: false", "1:7: ipv6: must be auto or off, not false"],
    ["upstreams: [10.0.0.1:0]", '1:13: upstreams[0]: "10.0.0.1:0" is not the address of a server'],
    ["resolvConf: 7", "1:13: resolvConf: must be a path, like /etc/resolv.conf, not 7"],
    ["fallbackUpstreams: dcoker", "1:20: fallbackUpstreams: must be docker or a list of addresses"],
    ["fallbackUpstreams: [dcoker]", '1:21: fallbackUpstreams[0]: "dcoker" is not the address of a server'],
    ["fallbackUpstreams: [1]", "1:21: fallbackUpstreams[0]: must be docker or an address, not 1"],
    ["domains: { a..b: [10.0.0.1] }", '1:12: domains: "a..b" is not a DNS name'],
    ["domains: { '*.a': [10.0.0.1] }", '1:12: domains: "*.a" is not a suffix: write "a"'],
    ["domains: { .a: [10.0.0.1] }", '1:12: domains: ".a" is not a suffix: write "a"'],
    ["domains: { .: [10.0.0.1] }", '1:12: domains: "." is every name: name those servers under "upstreams"'],
    ["domains: { a: [10.0.0.1], A.: [10.0.0.2] }", '1:27: domains: "A." is the same suffix as "a" on line 1'],
    ["domains: { a.b: [] }", '1:17: domains."a.b": names no server'],
    ["domains: { a.b: 10.0.0.1 }", '1:17: domains."a.b": must be a list of addresses'],
    ["domains: { a.b: [x] }", '1:18: domains."a.b"[0]: "x" is not the address of a server'],
    ["ttl: 86401", "1:6: ttl: must be a whole number of seconds from 0 to 86400, not 86401"],
    ["ttl: -1", "1:6: ttl: must be a whole number of seconds from 0 to 86400, not -1"],
    ["ttl: 1.5", "1:6: ttl: must be a whole number of seconds from 0 to 86400, not 1.5"],
    [
      "hostSuffix: .docker",
      '1:13: hostSuffix: ".docker" is not a suffix: write "docker", which covers all below it',
    ],
    ["ttl: 5s", '1:6: ttl: must be a whole number of seconds from 0 to 86400, not the text "5s"'],
    ["metrics: 9153", "1:10: metrics: must be an address and a port, like 127.0.0.1:5311"],
    [`socket: /${"x".repeat(107)}`, "1:9: socket: "],
  ])("refuses %s", (text, expected) => {
    const said = refused(text);
    expect(said[0]?.slice(0, expected.length + 12)).toBe(`eleven.yaml:${expected}`);
    // What cannot be parsed may be wrong in several ways.
    if (!text.includes("[fd00")) expect(said).toHaveLength(1);
  });

  it("tells of two suffixes that are the same where each of them stands", () => {
    const text = "domains:\n  a.test: [10.0.0.1]\n  b.test: [10.0.0.1]\n  A.TEST.: [10.0.0.2]\n";
    expect(refused(text)).toEqual([
      'eleven.yaml:4:3: domains: "A.TEST." is the same suffix as "a.test" on line 2',
    ]);
  });

  it("lists every problem, each where it stands", () => {
    const said = refused("ttl: x\nlistn: []\nupstreams: [a, 10.0.0.1, b]\ndomains:\n  c.d:\n    - e\n");
    expect(said.map((line) => /:(\d+:\d+):/.exec(line)?.[1])).toEqual(["1:6", "2:1", "3:13", "3:26", "6:7"]);
  });

  it("throws nothing but a CodedError, whatever the text", () => {
    const key = fc.constantFrom(...Object.keys(defaults), "x", "<<", "__proto__", "constructor");
    const text = fc.oneof(
      fc.string(),
      fc.dictionary(key, fc.jsonValue()).map((value) => stringify(value)),
      fc.array(fc.tuple(key, fc.string())).map((lines) => lines.map((line) => line.join(": ")).join("\n")),
    );
    fc.assert(
      fc.property(text, (text) => {
        try {
          readConfig(text, "eleven.yaml");
        } catch (error) {
          expect(error).toBeInstanceOf(CodedError);
          expect((error as CodedError).message).toMatch(/^eleven\.yaml:\d+:\d+: /);
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe("loadConfig", () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "eleven-config-"));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it("gives every key its default without a path", () => {
    expect(loadConfig(undefined)).toEqual(defaults);
  });

  it("takes relative paths from the folder of the file", () => {
    const path = join(folder, "eleven.yaml");
    writeFileSync(path, "sources: [{ file: shop.yaml }]");
    chmodSync(path, 0o400);
    expect(loadConfig(path).sources).toEqual([{ kind: "file", path: join(folder, "shop.yaml") }]);
  });

  it.each([
    ["missing.yaml", "no such file"],
    [".", "is a folder"],
    ["eleven.yaml/x", "no such file"],
    ["\0", "null bytes"],
  ])("says what is wrong with the path %j", (name, reason) => {
    const attempt = () => loadConfig(`${folder}/${name}`);
    expect(attempt).toThrow(CodedError);
    expect(attempt).toThrow(reason);
  });
});

describe("defaultSocket", () => {
  it.each([
    [0, { XDG_RUNTIME_DIR: "/run/user/0" }, "/run/eleven/eleven.sock"],
    [1000, { XDG_RUNTIME_DIR: "/run/user/1000" }, "/run/user/1000/eleven.sock"],
    [1000, { XDG_RUNTIME_DIR: "" }, join(tmpdir(), "eleven-1000.sock")],
    [1000, {}, join(tmpdir(), "eleven-1000.sock")],
  ])("for user %i with %j is %s", (uid, env, expected) => {
    expect(defaultSocket(uid, env)).toBe(expected);
  });
});
