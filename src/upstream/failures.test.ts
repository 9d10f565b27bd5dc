import { describe, expect, it } from "vitest";
import { EdeCode, Rcode } from "../wire/iana.ts";
import { allFailed, isFaultOfServer, nobodyToAsk, sayWhy, type Verdict } from "./failures.ts";

const errno = (code: string) => Object.assign(new Error(`connect ${code} 10.0.0.1:53`), { code });
const silent: Verdict = { server: "10.0.0.1:53", did: "timed out", reached: true, ede: [] };
const refused: Verdict = { server: "10.0.0.2:53", did: "refused the connection", reached: false, ede: [] };

describe("sayWhy", () => {
  it.each([
    [errno("ECONNREFUSED"), "refused the connection", true],
    [errno("EHOSTUNREACH"), "is unreachable", true],
    [errno("EPERM"), "is shut off by this host's firewall", true],
    [errno("EMFILE"), "could not be asked: connect EMFILE 10.0.0.1:53", false],
    [new Error("no such namespace"), "could not be asked: no such namespace", false],
    ["a string", "could not be asked: a string", false],
  ])("says of %s that the server %s", (error, text, fault) => {
    expect(sayWhy(error)).toBe(text);
    expect(isFaultOfServer(error)).toBe(fault);
  });
});

describe("allFailed", () => {
  it("is SERVFAIL and tells of every server", () => {
    expect(allFailed([silent, refused])).toMatchObject({
      rcode: Rcode.SERVFAIL,
      ede: {
        code: EdeCode.NO_REACHABLE_AUTHORITY,
        text: "10.0.0.1:53 timed out, 10.0.0.2:53 refused the connection",
      },
    });
  });

  it("is a network error if the network is all that spoke", () => {
    expect(allFailed([refused]).ede.code).toBe(EdeCode.NETWORK_ERROR);
  });

  it("has the code of the first server that explained itself", () => {
    const explained = {
      ...silent,
      did: "answered SERVFAIL",
      ede: [
        { code: 9, text: "" },
        { code: 6, text: "bogus" },
      ],
    };
    expect(allFailed([refused, explained]).ede).toEqual({
      code: 9,
      text: "10.0.0.2:53 refused the connection, 10.0.0.1:53 answered SERVFAIL (EDE 9; bogus)",
    });
  });
});

describe("nobodyToAsk", () => {
  it("says where servers were looked for, and what to set", () => {
    const { ede, rcode } = nobodyToAsk("/etc/resolv.conf names no nameserver");
    expect(rcode).toBe(Rcode.SERVFAIL);
    expect(ede.text).toContain("(/etc/resolv.conf names no nameserver)");
    expect(ede.text).toContain("upstreams");
  });
});
