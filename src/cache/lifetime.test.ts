import { describe, expect, test } from "vitest";
import { Rcode, RrClass, RrType } from "../wire/iana.ts";
import { isFailure, keeping } from "./lifetime.ts";
import { a, cname, nodata, nxdomain, rr, SETTINGS, said, soa } from "./scripted.suite.ts";

const question = { name: "www.example.org.", type: RrType.A, class: RrClass.IN };
const why = (text: string) => ({ why: expect.stringContaining(text) });

describe("keeping", () => {
  test.each([
    [
      "the smallest TTL of all sections",
      said([a("www.example.org.", 60), a("www.example.org.", 50)], {
        additional: [a("ns.example.org.", 40)],
      }),
      40,
    ],
    ["no more than the cap", said([a("www.example.org.", 200_000)]), 86_400],
    ["the shorter of alias and address", said([cname("www.example.org.", 30, "x."), a("x.", 60)]), 30],
    ["SOA MINIMUM for NODATA (RFC 2308 §5)", nodata(600, 120), 120],
    ["the SOA's own TTL if that is smaller", nodata(60, 120), 60],
    ["the same for NXDOMAIN", nxdomain(600, 120), 120],
    ["no more than the negative cap", nxdomain(86_400, 86_400), 900],
    [
      "the alias that leads to no such name",
      said([cname("www.example.org.", 30, "x.")], { rcode: Rcode.NXDOMAIN, authority: [soa(600, 600)] }),
      30,
    ],
  ])("lasts for %s", (_, answer, seconds) => {
    expect(keeping(question, answer, SETTINGS)).toMatchObject({ seconds });
  });

  test.each([
    ["TTL 0", said([a("www.example.org.", 0)]), "TTL is 0"],
    ["SOA MINIMUM 0", nxdomain(600, 0), "TTL is 0"],
    ["NXDOMAIN without SOA", said([], { rcode: Rcode.NXDOMAIN }), "no SOA"],
    ["NODATA without SOA", said([]), "no SOA"],
    ["a referral", said([], { authority: [rr("org.", 600, { kind: "NS", target: "ns." })] }), "no SOA"],
    ["a chain of aliases without an end", said([cname("www.example.org.", 30, "x.")]), "no SOA"],
    ["SERVFAIL", said([], { rcode: Rcode.SERVFAIL }), "failure"],
    ["REFUSED", said([], { rcode: Rcode.REFUSED }), "failure"],
  ])("is not for %s", (_, answer, reason) => {
    expect(keeping(question, answer, SETTINGS)).toEqual(why(reason));
  });

  test("a floor raises TTLs, also those of 0, but not over the negative cap", () => {
    const bounds = { ...SETTINGS, minTtl: 5, maxNegativeTtl: 3 };
    expect(keeping(question, said([a("www.example.org.", 0)]), bounds)).toMatchObject({
      seconds: 5,
      answer: { answers: [{ ttl: 5 }] },
    });
    expect(keeping(question, nodata(600, 600), bounds)).toMatchObject({
      seconds: 3,
      answer: { authority: [{ ttl: 3 }] },
    });
  });

  test("an answer within all bounds is kept as it is", () => {
    const answer = said([a("www.example.org.", 60)]);
    expect(keeping(question, answer, SETTINGS)).toMatchObject({ answer });
  });

  test("ANY is answered by whatever there is", () => {
    const any = { ...question, type: RrType.ANY };
    expect(keeping(any, said([a("www.example.org.", 60)]), SETTINGS)).toMatchObject({ seconds: 60 });
  });

  test.each([
    [Rcode.NOERROR, false],
    [Rcode.NXDOMAIN, false],
    [Rcode.SERVFAIL, true],
    [Rcode.REFUSED, true],
    [Rcode.FORMERR, true],
  ])("whether rcode %i is a failure: %s", (rcode, expected) => {
    expect(isFailure(said([], { rcode }))).toBe(expected);
  });
});
