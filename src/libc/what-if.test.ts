import { describe, expect, test } from "vitest";
import { causes } from "./causes.ts";
import { type Libc, lookup } from "./lookup.ts";
import { recordingNetwork } from "./recording-network.ts";
import { type Behaviour, healthy, isA, reply, silent, V4, V6, withoutAaaa } from "./simulated.suite.ts";
import { type Servers, simulatedNetwork } from "./simulated-network.ts";
import { virtualClock } from "./virtual-clock.ts";
import { waits } from "./waits.ts";
import { remedies } from "./what-if.ts";

/** A lookup of www.test with all that is told about it. */
async function told(resolvConf: string, behaviour: Behaviour, libc: Libc = "glibc", patienceMs = 200_000) {
  const clock = virtualClock();
  let nth = 0;
  const servers: Servers = {
    receive: (arrival) => behaviour(arrival, ++nth),
    connect: () => ({ afterMs: 1 }),
    unreachable: (server) => (server === NOWHERE ? "ENETUNREACH" : undefined),
  };
  const localAddresses = ["10.0.0.9"];
  const recording = recordingNetwork(simulatedNetwork(clock, servers, localAddresses), clock);
  const request = {
    name: "www.test",
    family: "any",
    addrconfig: false,
    v4mapped: false,
    all: false,
  } as const;
  const files = { resolvConf, hosts: "", hostname: "host" };
  const patience = new AbortController();
  clock.after(patienceMs, () => patience.abort());
  let chance = 0;
  const environment = {
    clock,
    network: recording.network,
    random: () => chance++,
    sort: async (addresses: readonly string[]) => addresses,
  };
  const result = (await clock.run(lookup(request, libc, files, environment, patience.signal), 1e6))!;
  const done = { request, libc, files, recording, localAddresses };
  const options = (await remedies(done)).map(({ change, ms }) => [change, Math.round(ms / 1000)]);
  return { result, options, waits: waits(result), causes: causes(result, recording.observations, libc) };
}

/** No way leads there. */
const NOWHERE = "2001:db8:99::1";
const ONE = "nameserver 10.0.0.1\n";

describe("an upstream that never answers AAAA", () => {
  test("costs glibc three timeouts, and the changes that help are those that were measured", async () => {
    const { result, options, waits, causes } = await told(ONE, withoutAaaa);
    expect(Math.round(result.ms / 1000)).toBe(15);
    expect(waits).toEqual([
      { ms: expect.closeTo(15_000, -2), times: 3, text: "no answer to AAAA www.test. from 10.0.0.1:53" },
    ]);
    expect(causes).toEqual([
      "10.0.0.1, or a filter before it, never answers AAAA: any answer at all, an error or an empty one, would cost no time",
    ]);
    expect(options).toEqual([
      ["options no-aaaa", 0],
      ["the program asks for IPv4 only (AF_INET)", 0],
      ["options timeout:1 single-request", 2],
      ["options timeout:1", 3],
      ["options single-request-reopen", 5],
      ["options single-request", 10],
    ]);
  });

  test("leaves musl with nothing, unless the program asks for IPv4", async () => {
    const { result, options, causes } = await told(ONE, withoutAaaa, "musl");
    expect(result.error).toBe("EAI_AGAIN");
    expect(causes[0]).toContain("musl drops the answer to the other type");
    expect(options).toEqual([
      ["the program asks for IPv4 only (AF_INET)", 0],
      ["options timeout:1", 1],
    ]);
  });
});

test("two packets of one socket, one lost: single-request would have been as quick as ever", async () => {
  const race: Behaviour = (arrival, nth) =>
    arrival.isBeside && nth <= 2 ? undefined : healthy(arrival, nth);
  const { result, options, causes } = await told(ONE, race);
  expect(result.addresses).toEqual([V4, V6]);
  expect(causes[0]).toContain("lost beside another query of the same socket");
  expect(options).toContainEqual(["options single-request", 0]);
  expect(options).toContainEqual(["options timeout:1", 1]);
});

test("a dead first server: the lookup is quick without it", async () => {
  const dead: Behaviour = (arrival, nth) =>
    arrival.server === "10.0.0.1" ? undefined : healthy(arrival, nth);
  const { options, causes } = await told(`${ONE}nameserver 10.0.0.2\n`, dead);
  expect(causes).toEqual(["10.0.0.1 answered nothing"]);
  expect(options).toContainEqual(['no "nameserver 10.0.0.1"', 0]);
  expect(options).not.toContainEqual(expect.arrayContaining(['no "nameserver 10.0.0.2"']));
});

describe("a server that another was quicker than, musl asking both at once", () => {
  const TWO = `${ONE}nameserver 10.0.0.2\n`;
  const onlySecond: Behaviour = (arrival, nth) =>
    arrival.server === "10.0.0.1" ? undefined : healthy(arrival, nth);

  test("is not blamed where the other answered at once, nor where it said that there is no such name", async () => {
    expect(await told(TWO, onlySecond, "musl")).toMatchObject({ waits: [], causes: [] });
    const nowhere: Behaviour = (arrival) =>
      arrival.server === "10.0.0.1" ? undefined : reply(arrival, { rcode: "NXDOMAIN" });
    const { result, causes } = await told(TWO, nowhere, "musl");
    expect([result.error, causes]).toEqual(["EAI_NONAME", []]);
  });

  test("is told of where time ran out without it", async () => {
    const { causes } = await told(TWO, silent, "musl");
    expect(causes).toEqual(["10.0.0.1 answered nothing", "10.0.0.2 answered nothing"]);
    const stopped = await told(TWO, silent, "musl", 1000);
    expect([stopped.result.error, stopped.causes]).toEqual(["STILL_WAITING", causes]);
  });
});

test("a server that nobody listens at is no cause where the next one answered at once", async () => {
  const refusing: Behaviour = (arrival, nth) =>
    arrival.server === "10.0.0.1" ? { afterMs: 1, error: "ECONNREFUSED" } : healthy(arrival, nth);
  expect(await told(`${ONE}nameserver 10.0.0.2\n`, refusing)).toMatchObject({ waits: [], causes: [] });
  expect((await told(ONE, refusing)).causes).toEqual(["nobody listens at 10.0.0.1, port 53"]);
});

test("a search list before the name: fewer dots needed, or one at the end", async () => {
  const slow: Behaviour = (arrival) =>
    arrival.query.question!.name === "www.test."
      ? reply(arrival, { addresses: [isA(arrival) ? V4 : V6], afterMs: 100 })
      : reply(arrival, { rcode: "NXDOMAIN", afterMs: 100 });
  const { options } = await told(`${ONE}search a.test b.test c.test\noptions ndots:5\n`, slow);
  expect(options).toEqual([
    ["options ndots:1", 0],
    ["a dot at the end of the name: www.test.", 0],
  ]);
});

test("a server to which no way leads is none in the repetition, either", async () => {
  const { options } = await told(`nameserver ${NOWHERE}\n${ONE}options timeout:2\n`, withoutAaaa);
  expect(options).toContainEqual(["options no-aaaa", 0]);
});

test("nothing is proposed where nothing was slow, nor where nothing helps", async () => {
  expect(await told(ONE, healthy)).toMatchObject({ options: [], waits: [], causes: [] });
  expect((await told(`${ONE}options timeout:1 attempts:1\n`, silent)).options).toEqual([]);
});

test("a wait without end is told as one", async () => {
  const { result, waits } = await told(`${ONE}options use-vc\n`, withoutAaaa);
  expect(result.error).toBe("STILL_WAITING");
  expect(waits[0]!.text).toBe("still nothing from 10.0.0.1:53, and no limit to the wait");
});
