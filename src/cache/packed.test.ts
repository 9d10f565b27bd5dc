import { expect, test } from "vitest";
import { Rcode, RrClass, RrType } from "../wire/iana.ts";
import { pack, unpack } from "./packed.ts";
import { a, cname, nxdomain, rr, said } from "./scripted.suite.ts";

const question = { name: "www.example.org.", type: RrType.A, class: RrClass.IN };
const same = (ttl: number) => ttl;

test("an answer comes back as it was packed, apart from where it is from", () => {
  const answer = said(
    [
      cname("www.example.org.", 30, "Web.Example.ORG."),
      a("Web.Example.ORG.", 60),
      rr("Web.Example.ORG.", 60, { kind: "TXT", strings: [Uint8Array.of(0, 128, 255)] }),
    ],
    {
      ad: true,
      additional: [a("ns.example.org.", 7)],
      ede: [{ code: 3, text: "ärger" }],
    },
  );
  expect(unpack(pack(question, answer)!, question, same)).toEqual({
    ...answer,
    origin: "cache",
    upstream: undefined,
  });
});

test("an NXDOMAIN keeps its rcode and SOA", () => {
  const packed = pack(question, nxdomain(600, 120))!;
  expect(unpack(packed, question, same)).toMatchObject({
    rcode: Rcode.NXDOMAIN,
    authority: [{ data: { kind: "SOA", minimum: 120 } }],
  });
});

test("owners that are the name asked for are given in the letter case in which it is asked", () => {
  const packed = pack(question, said([a("WWW.example.org.", 60), a("other.example.org.", 60)]))!;
  const names = unpack(packed, { ...question, name: "wWw.eXample.org." }, same).answers.map(
    ({ name }) => name,
  );
  expect(names).toEqual(["wWw.eXample.org.", "other.example.org."]);
});

test("every TTL goes through the given function", () => {
  const packed = pack(question, said([a("www.example.org.", 60)], { additional: [a("x.", 50)] }))!;
  const aged = unpack(packed, question, (ttl) => ttl - 9);
  expect([...aged.answers, ...aged.additional].map(({ ttl }) => ttl)).toEqual([51, 41]);
});

test("an answer that no message can hold is not packed", () => {
  const octets = new Uint8Array(40_000);
  const big = rr("www.example.org.", 60, { kind: "unknown", octets });
  expect(
    pack(question, said([big, { ...big, data: { kind: "unknown", octets: octets.slice(1) } }])),
  ).toBeUndefined();
});
