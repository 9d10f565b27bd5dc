import { describe, expect, it } from "vitest";
import { EdeCode, Rcode, RrClass, RrType } from "../wire/iana.ts";
import { noIpv6 } from "./no-ipv6.ts";
import { recordingTrace } from "./trace.ts";

async function ask(type: number, { isOff = true, rrclass = RrClass.IN as number } = {}) {
  return noIpv6({ isOff: () => isOff }).resolve({
    question: { name: "www.example.org.", type, class: rrclass },
    client: { sandbox: undefined, transport: "udp" },
    rd: true,
    cd: false,
    ad: false,
    do: false,
    signal: new AbortController().signal,
    trace: recordingTrace(() => 0),
  });
}

describe("noIpv6", () => {
  it("answers AAAA with NODATA, and says why", async () => {
    expect(await ask(RrType.AAAA)).toMatchObject({
      rcode: Rcode.NOERROR,
      answers: [],
      origin: "none",
      ede: [{ code: EdeCode.BLOCKED, text: expect.stringContaining("ipv6: off") }],
    });
  });

  it("leaves other types, other classes, and everything while IPv6 is on", async () => {
    expect(await ask(RrType.A)).toBeUndefined();
    expect(await ask(RrType.AAAA, { rrclass: RrClass.CH })).toBeUndefined();
    expect(await ask(RrType.AAAA, { isOff: false })).toBeUndefined();
  });
});
