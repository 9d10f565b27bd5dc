import { describe, expect, it } from "vitest";
import { Rcode, RrClass, RrType } from "../wire/iana.ts";
import { specialUse } from "./special-use.ts";
import { recordingTrace } from "./trace.ts";

async function ask(name: string, type: number = RrType.A, rrclass: number = RrClass.IN) {
  const trace = recordingTrace(() => 0);
  const answer = await specialUse().resolve({
    question: { name, type, class: rrclass },
    client: { sandbox: undefined, transport: "udp" },
    rd: true,
    cd: false,
    ad: false,
    do: false,
    signal: new AbortController().signal,
    trace,
  });
  return { answer, trace };
}

describe("specialUse", () => {
  it.each([
    ["localhost.", RrType.A, { kind: "A", address: "127.0.0.1" }],
    ["LocalHost.", RrType.AAAA, { kind: "AAAA", address: "::1" }],
    ["db.localhost.", RrType.A, { kind: "A", address: "127.0.0.1" }],
  ])(
    "answers %s with loopback, the name as it was asked (RFC 6761 section 6.3)",
    async (name, type, data) => {
      const { answer, trace } = await ask(name, type);
      expect(answer).toMatchObject({
        rcode: Rcode.NOERROR,
        aa: false,
        origin: "none",
        answers: [{ name, type, class: RrClass.IN, ttl: 86_400, data }],
      });
      expect(trace.steps).toHaveLength(1);
    },
  );

  it.each([RrType.TXT, RrType.HTTPS, RrType.ANY])("has no other types of localhost (%i)", async (type) => {
    const { answer } = await ask("localhost.", type);
    expect(answer).toMatchObject({ rcode: Rcode.NOERROR, answers: [] });
  });

  it.each(["invalid.", "www.INVALID.", "onion.", "abc.onion."])(
    "knows that %s does not exist",
    async (name) => {
      const { answer, trace } = await ask(name);
      expect(answer).toMatchObject({ rcode: Rcode.NXDOMAIN, answers: [], origin: "none" });
      expect(trace.steps).toHaveLength(1);
    },
  );

  it.each([
    "test.",
    "printer.local.",
    "example.",
    "www.example.org.",
    "notlocalhost.",
    "localhost.example.",
    ".",
  ])("leaves %s to others", async (name) => {
    const { answer, trace } = await ask(name);
    expect(answer).toBeUndefined();
    expect(trace.steps).toEqual([]);
  });

  it("leaves other classes alone", async () => {
    expect((await ask("localhost.", RrType.A, RrClass.CH)).answer).toBeUndefined();
  });
});
