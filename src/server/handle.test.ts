import dnsPacket from "dns-packet";
import { describe, expect, test } from "vitest";
import { silentLog } from "../base/log.ts";
import { ResolveFailure } from "../resolver/failure.ts";
import { authoritative } from "../resolver/reply.ts";
import type { Answer, Client, Query } from "../resolver/resolver.ts";
import { composeMessage } from "../wire/compose.ts";
import { extendedErrors } from "../wire/edns.ts";
import { EdeCode, Rcode, RrClass, RrType } from "../wire/iana.ts";
import type { Edns, Header, Message, ResourceRecord } from "../wire/message.ts";
import { parseMessage } from "../wire/parse.ts";
import { handClock } from "./hand-clock.suite.ts";
import { createHandler, type Observation } from "./handle.ts";

const UDP: Client = { sandbox: undefined, transport: "udp" };
const TCP: Client = { sandbox: undefined, transport: "tcp" };
const EDNS: Edns = { udpPayloadSize: 1232, version: 0, do: false, options: [] };

function request(part: { type?: number; edns?: Edns; header?: Partial<Header> } = {}): Uint8Array {
  const flags = {
    qr: false,
    opcode: 0,
    aa: false,
    tc: false,
    rd: true,
    ra: false,
    ad: false,
    cd: false,
    rcode: 0,
  };
  const questions = [{ name: "wEb.Shop.", type: part.type ?? RrType.A, class: RrClass.IN }];
  const message = { header: { id: 0xbeef, ...flags, ...part.header }, questions, answers: [], authority: [] };
  const edns = part.edns === undefined ? {} : { edns: part.edns };
  return composeMessage({ ...message, additional: [], ...edns });
}

function addresses(count: number): ResourceRecord[] {
  return Array.from({ length: count }, (_, index) => ({
    name: "wEb.Shop.",
    type: RrType.A,
    class: RrClass.IN,
    ttl: 5,
    data: { kind: "A", address: `10.5.${index >> 8}.${index & 255}` },
  }));
}

/** A handler over one function, and what it did. */
function handlerOf(resolve: (query: Query) => Answer | undefined) {
  const observed: Observation[] = [];
  const faults: string[] = [];
  let now = 0;
  const clock = { ...handClock(), now: () => now };
  const handler = createHandler({
    resolver: () => ({
      name: "test",
      resolve: async (query) => {
        now += 7;
        return resolve(query);
      },
    }),
    observe: (seen) => observed.push(seen),
    clock,
    log: { ...silentLog, error: (_, text) => faults.push(text) },
    signal: new AbortController().signal,
  });
  async function ask(octets: Uint8Array, client = UDP): Promise<Message> {
    const response = await handler.handle(octets, client);
    const parsed = response && parseMessage(response.octets);
    if (!parsed?.ok) throw new Error("no response that can be parsed");
    return parsed.message;
  }
  return { handler, ask, observed, faults };
}

describe("handle", () => {
  test("echoes id, question, letter case, RD and CD, sets RA, and keeps AA", async () => {
    const { ask } = handlerOf(() => authoritative(addresses(1)));
    const { header, questions, answers } = await ask(request({ header: { cd: true } }));
    expect(header).toMatchObject({
      id: 0xbeef,
      qr: true,
      aa: true,
      tc: false,
      rd: true,
      ra: true,
      cd: true,
      rcode: 0,
    });
    expect(questions).toEqual([{ name: "wEb.Shop.", type: RrType.A, class: RrClass.IN }]);
    expect(answers).toEqual(addresses(1));
  });

  test("agrees with an independent codec", async () => {
    const { handler } = handlerOf(() => authoritative(addresses(2)));
    const response = await handler.handle(
      dnsPacket.encode({ type: "query", id: 7, questions: [{ name: "web", type: "A" }] }),
      UDP,
    );
    const decoded = dnsPacket.decode(Buffer.from(response!.octets));
    expect(decoded.answers?.map((answer) => "data" in answer && answer.data)).toEqual([
      "10.5.0.0",
      "10.5.0.1",
    ]);
  });

  test("answers EDNS with EDNS, and only then", async () => {
    const { ask } = handlerOf(() => authoritative([]));
    expect((await ask(request())).edns).toBeUndefined();
    expect((await ask(request({ edns: { ...EDNS, do: true } }))).edns).toMatchObject({
      version: 0,
      do: true,
    });
  });

  test("refuses an EDNS version above 0 with BADVERS", async () => {
    const { ask, observed } = handlerOf(() => authoritative([]));
    expect((await ask(request({ edns: { ...EDNS, version: 1 } }))).header.rcode).toBe(Rcode.BADVERS);
    expect(observed).toHaveLength(1);
  });

  test("turns a failure into its rcode with the reason as Extended DNS Error", async () => {
    const ede = { code: EdeCode.NETWORK_ERROR, text: "10.0.0.1:53 timed out" };
    const { ask, faults } = handlerOf(() => {
      throw new ResolveFailure(ede);
    });
    const { header, edns } = await ask(request({ edns: EDNS }));
    expect(header).toMatchObject({ rcode: Rcode.SERVFAIL, ra: true });
    expect(extendedErrors(edns!)).toEqual([ede]);
    expect(faults).toEqual([]);
  });

  test("turns a fault of its own into SERVFAIL and says so in the log", async () => {
    const { ask, faults } = handlerOf(() => {
      throw new TypeError("undefined is not a function");
    });
    expect((await ask(request())).header.rcode).toBe(Rcode.SERVFAIL);
    expect(faults).toHaveLength(1);
  });

  test("refuses a name that nobody claims", async () => {
    expect((await handlerOf(() => undefined).ask(request())).header.rcode).toBe(Rcode.REFUSED);
  });

  test("gives AD only to those who can read it", async () => {
    const { ask } = handlerOf(() => ({ ...authoritative([]), ad: true }));
    expect((await ask(request())).header.ad).toBe(false);
    expect((await ask(request({ header: { ad: true } }))).header.ad).toBe(true);
    expect((await ask(request({ edns: { ...EDNS, do: true } }))).header.ad).toBe(true);
  });

  test.each([
    ["without EDNS", undefined, 512],
    ["with a payload size below 512", 100, 512],
    ["with 1232", 1232, 1232],
    ["with 65,535", 65_535, 4096],
  ])("cuts a UDP response to what the client can take, %s", async (_, udpPayloadSize, limit) => {
    const { handler, ask } = handlerOf(() => authoritative(addresses(300)));
    const octets = request(udpPayloadSize === undefined ? {} : { edns: { ...EDNS, udpPayloadSize } });
    expect((await handler.handle(octets, UDP))!.octets.length).toBeLessThanOrEqual(limit);
    expect((await ask(octets)).header.tc).toBe(true);
    const whole = await ask(octets, TCP);
    expect(whole.header.tc).toBe(false);
    expect(whole.answers).toHaveLength(300);
  });

  test("answers a message that can't be parsed with FORMERR, and never counts it as a query", async () => {
    const { ask, observed } = handlerOf(() => authoritative([]));
    const cut = request().subarray(0, 14);
    expect((await ask(cut)).header).toMatchObject({ id: 0xbeef, rcode: Rcode.FORMERR, rd: true });
    expect(observed).toEqual([]);
  });

  test("stays silent towards responses and scraps", async () => {
    const { handler } = handlerOf(() => authoritative([]));
    expect(await handler.handle(request({ header: { qr: true } }), UDP)).toBeUndefined();
    expect(await handler.handle(new Uint8Array(5), UDP)).toBeUndefined();
    expect(handler.refused).toEqual({ malformed: 0, ignored: 2, unowned: 0 });
  });

  test("counts what never gets to the pipeline", async () => {
    const { handler, observed } = handlerOf(() => authoritative([]));
    await handler.handle(request().subarray(0, 14), UDP);
    await handler.handle(request({ header: { opcode: 4 } }), UDP);
    await handler.handle(request(), undefined);
    expect(handler.refused).toEqual({ malformed: 2, ignored: 0, unowned: 1 });
    expect(observed).toEqual([]);
  });

  test("reports each query once", async () => {
    const { ask, observed } = handlerOf(() => authoritative(addresses(1)));
    await ask(request());
    expect(observed.map(({ ms }) => ms)).toContain(7);
    expect(observed.map(({ question, answer }) => [question.name, answer.origin])).toEqual([
      ["wEb.Shop.", "registry"],
    ]);
  });
});
