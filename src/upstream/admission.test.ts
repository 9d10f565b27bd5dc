import { describe, expect, it } from "vitest";
import { ResolveFailure } from "../resolver/failure.ts";
import { answer } from "../resolver/reply.ts";
import type { Answer, Resolver } from "../resolver/resolver.ts";
import { EdeCode } from "../wire/iana.ts";
import { type AdmissionLimits, admission } from "./admission.ts";
import { aQuery } from "./query.suite.ts";

/** A resolver behind an admission, whose queries end only when told to. */
function held(limits?: Partial<AdmissionLimits>) {
  const open: { end(result: Answer | Error): void; sandbox: string | undefined }[] = [];
  const inner: Resolver = {
    name: "held",
    resolve: ({ client }) =>
      new Promise((resolve, reject) => {
        const end = (result: Answer | Error) => (result instanceof Error ? reject(result) : resolve(result));
        open.push({ end, sandbox: client.sandbox });
      }),
  };
  const gate = admission(limits);
  const resolver = gate.admit(inner);
  /** Asks so often at once; how many were let in, and the refusals of the rest. */
  async function ask(sandbox: string | undefined, count: number) {
    const before = open.length;
    const refusals: unknown[] = [];
    for (let query = 0; query < count; query++) {
      resolver
        .resolve(aQuery({ ...(sandbox !== undefined && { sandbox }) }))!
        .catch((error) => refusals.push(error));
    }
    await new Promise((done) => setImmediate(done));
    return { admitted: open.length - before, refusals };
  }
  async function endAll(sandbox: string, result: Answer | Error = answer("upstream")) {
    for (const query of open.filter((each) => each.sandbox === sandbox)) query.end(result);
    await new Promise((done) => setImmediate(done));
  }
  return { gate, ask, endAll };
}

describe("admission", () => {
  it("lets a sandbox have 1,024 in flight and refuses the next with SERVFAIL and a reason", async () => {
    const { gate, ask } = held();
    const { admitted, refusals } = await ask("web", 1025);
    expect(admitted).toBe(1024);
    expect(refusals).toHaveLength(1);
    expect(refusals[0]).toBeInstanceOf(ResolveFailure);
    expect(refusals[0]).toMatchObject({
      rcode: 2,
      ede: {
        code: EdeCode.OTHER,
        text: "too many queries in flight (1024 of this client, the limit is 1024)",
      },
    });
    expect(gate.shed).toEqual({ perClient: 1, total: 0 });
    expect(await ask("db", 1)).toMatchObject({ admitted: 1 });
    expect(await ask(undefined, 1)).toMatchObject({ admitted: 1 });
  });

  it("gives a place back when a query is answered, fails, or is declined", async () => {
    const { gate, ask, endAll } = held({ perClient: 2 });
    await ask("web", 2);
    await endAll("web", new Error("no answer"));
    expect(gate.inFlight).toBe(0);
    expect(await ask("web", 2)).toMatchObject({ admitted: 2 });
    await endAll("web");
    expect(gate.inFlight).toBe(0);
  });

  it("keeps places from busy sandboxes for those that ask seldom", async () => {
    const { ask } = held();
    for (let sandbox = 0; sandbox < 7; sandbox++) {
      expect(await ask(`busy-${sandbox}`, 1024)).toMatchObject({ admitted: 1024 });
    }
    expect(await ask("busy-7", 1024)).toMatchObject({ admitted: 512 });
    expect(await ask("busy-7", 1)).toMatchObject({ admitted: 0 });
    for (let sandbox = 0; sandbox < 500; sandbox++) {
      expect(await ask(`quiet-${sandbox}`, 1)).toMatchObject({ admitted: 1 });
    }
    expect(await ask("busy-0", 1)).toMatchObject({ admitted: 0 });
  });

  it("refuses the sandbox that holds the most when all is taken", async () => {
    const { gate, ask, endAll } = held({ perClient: 100, total: 210, reserve: 10 });
    await ask("a", 100);
    await ask("b", 99);
    await ask("c", 1);
    expect(gate.inFlight).toBe(200);
    expect(await ask("b", 1)).toMatchObject({ admitted: 0 });
    expect(gate.shed).toEqual({ perClient: 0, total: 1 });
    // Half of what is left, then the next takes half of that: nobody takes the last place of the others.
    expect(await ask("d", 100)).toMatchObject({ admitted: 5 });
    expect(await ask("e", 100)).toMatchObject({ admitted: 3 });
    expect(await ask("f", 1)).toMatchObject({ admitted: 1 });
    await endAll("a");
    expect(await ask("b", 1)).toMatchObject({ admitted: 1 });
  });

  it("never has more than the total in flight, 8,192 unless told otherwise", async () => {
    const { gate, ask } = held();
    for (let sandbox = 0; sandbox < 2000; sandbox++) await ask(`${sandbox}`, 8);
    expect(gate.inFlight).toBe(8192);
  });

  it("counts the queries of all forwarders together", async () => {
    const gate = admission({ perClient: 1 });
    const forever: Resolver = { name: "forever", resolve: () => new Promise(() => {}) };
    void gate.admit(forever).resolve(aQuery());
    await expect(gate.admit(forever).resolve(aQuery())).rejects.toThrow("too many queries in flight");
  });
});
