import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CodedError } from "../base/errors.ts";
import { parseResolvConf } from "../base/resolv-conf.ts";
import { type ContainerResolvConf, containerResolvConf, type ResolvConfRequest } from "./resolvconf.ts";

const nothing: ResolvConfRequest = {
  hostText: "",
  dns: [],
  dnsSearch: [],
  dnsOptions: [],
  mode: "embedded",
  ipv6: false,
};

const make = (hostText: string, more: Partial<ResolvConfRequest> = {}) =>
  containerResolvConf({ ...nothing, hostText, ...more });

/** `docker-lab.md` section 2 row by row, and every rule of the pipeline; `<case>.in` begins with the flags. */
describe("the golden files", () => {
  const folder = new URL("../../test/fixtures/resolvconf/", import.meta.url);
  const cases = readdirSync(folder)
    .filter((file) => file.endsWith(".in"))
    .map((file) => file.replace(/\.in$/, ""));

  it.each(cases)("%s", async (name) => {
    const hostText = readFileSync(new URL(`${name}.in`, folder), "utf8");
    for (const mode of ["embedded", "legacy"] as const) {
      const made = make(hostText, { ...flags(hostText), mode });
      await expect(golden(made)).toMatchFileSnapshot(new URL(`${name}.${mode}.out`, folder).pathname);
    }
  });

  function golden({ text, upstreams, notes }: ContainerResolvConf): string {
    const asked = upstreams.map(
      ({ address, from, scope }) => `${address} (${from}), asked from the ${scope}`,
    );
    return [`${text}`, "=== upstreams", ...asked, "", "=== notes", ...notes, ""].join("\n");
  }

  function flags(hostText: string): Partial<ResolvConfRequest> {
    const words = hostText.split("\n", 1)[0]!.replace("# eleven resolvconf", "").trim().split(" ");
    const values = (flag: string) => words.filter((_, index) => words[index - 1] === flag);
    return {
      dns: values("--dns"),
      dnsSearch: values("--dns-search"),
      dnsOptions: values("--dns-option"),
      ipv6: words.includes("--ipv6"),
    };
  }
});

describe("containerResolvConf", () => {
  it("gives the parts beside the text", () => {
    expect(make("nameserver 10.0.0.1\nsearch lan.test\n")).toMatchObject({
      upstreams: [{ address: "10.0.0.1", from: "host", scope: "host" }],
      search: ["lan.test"],
      options: ["ndots:0"],
      notes: [],
    });
  });

  it("names the host's file in the comments, on one line", () => {
    expect(make("", { hostPath: "/run/a\nnameserver 10.0.0.1" }).text).toContain(
      "'/run/a?nameserver 10.0.0.1'",
    );
    expect(make("").text).toContain("'/etc/resolv.conf'");
  });

  it.each([
    ["--dns", { dns: ["10.0.0.300"] }],
    ["--dns", { dns: ["10.0.0.1:53"] }],
    ["--dns", { dns: [""] }],
    ["--dns-search", { dnsSearch: ["a..b"] }],
    ["--dns-search", { dnsSearch: ["a b"] }],
    ["--dns-option", { dnsOptions: ["ndots:1\nnameserver 10.0.0.1"] }],
    ["--dns-option", { dnsOptions: [""] }],
  ])("refuses a bad %s: %j", (flag, override) => {
    const attempt = () => make("", override);
    expect(attempt).toThrow(CodedError);
    expect(attempt).toThrow(`Cannot use ${flag} "`);
  });

  const host = fc
    .array(
      fc.oneof(
        fc.ipV4().map((address) => `nameserver ${address}`),
        fc.ipV6().map((address) => `nameserver ${address}`),
        fc.constantFrom(
          "search a.test",
          "options ndots:2",
          "options ndots:",
          "sortlist 10.0.0.0",
          "nameserver 127.0.0.53",
        ),
        fc.string(),
      ),
    )
    .map((lines) => lines.join("\n"));

  it("lists nobody but 127.0.0.11, or nobody that the container can't reach, whatever the host's file says", () => {
    fc.assert(
      fc.property(host, fc.boolean(), (hostText, ipv6) => {
        const embedded = make(hostText, { ipv6 });
        expect(parseResolvConf(embedded.text).nameservers.map(({ address }) => address)).toEqual([
          "127.0.0.11",
        ]);
        expect(
          parseResolvConf(embedded.text).options.filter((each) => /^ndots/.test(each)).length,
        ).toBeGreaterThan(0);
        const { text } = make(hostText, { mode: "legacy", ipv6 });
        const { nameservers } = parseResolvConf(text);
        expect(nameservers.length).toBeGreaterThan(0);
        for (const { address } of nameservers) {
          expect(address).not.toMatch(/^127\./);
          if (!ipv6) expect(address).not.toContain(":");
        }
      }),
    );
  });
});
