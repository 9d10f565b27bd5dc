import { describe, expect, test } from "vitest";
import { glibcLookup } from "./glibc.ts";
import { glibcState } from "./glibc-state.ts";
import {
  always,
  type Behaviour,
  healthy,
  isA,
  reply,
  silent,
  simulate,
  V4,
  V6,
  withoutAaaa,
} from "./simulated.suite.ts";
import { type Arrival, simulatedNetwork } from "./simulated-network.ts";
import { glibcConf } from "./stub-conf.ts";
import { createTimeline } from "./timeline.ts";
import { virtualClock } from "./virtual-clock.ts";

const servers = (count: number) => ["10.0.0.1", "10.0.0.2", "10.0.0.3"].slice(0, count);

test.each(["glibc", "musl", "musl-1.2.3"] as const)(
  "%s looks an empty name up nowhere, and says so",
  async (libc) => {
    const { wire, error, timeline } = await simulate({ libc, name: "" }, healthy);
    expect([wire, error]).toEqual([[], "EAI_NONAME"]);
    expect(timeline).toMatchObject([{ event: "give-up", text: "the name is empty: nothing is looked up" }]);
  },
);

describe("glibc asks", () => {
  test("A and AAAA at once from one socket", async () => {
    const { wire, timeline, addresses } = await simulate({}, healthy);
    expect(wire).toEqual(["10.0.0.1 udp www.example.test. A", "10.0.0.1 udp www.example.test. AAAA"]);
    const [a, aaaa] = timeline;
    expect(a).toMatchObject({ event: "send", atMs: 0, socket: aaaa!.socket });
    expect(a!.id).not.toBe(aaaa!.id);
    expect(addresses).toEqual([V4, V6]);
  });

  test("one type for one family", async () => {
    expect((await simulate({ family: "inet" }, healthy)).wire).toEqual(["10.0.0.1 udp www.example.test. A"]);
    expect((await simulate({ family: "inet6" }, healthy)).wire).toEqual([
      "10.0.0.1 udp www.example.test. AAAA",
    ]);
  });

  test("AAAA after A with single-request, from a second socket with -reopen", async () => {
    const one = await simulate({ options: "single-request" }, healthy);
    const sends = (timeline: typeof one.timeline) => timeline.filter(({ event }) => event === "send");
    expect(one.timeline.map(({ event }) => event)).toEqual(["send", "receive", "send", "receive"]);
    expect(new Set(sends(one.timeline).map(({ socket }) => socket)).size).toBe(1);
    const two = await simulate({ options: "single-request-reopen" }, healthy);
    expect(new Set(sends(two.timeline).map(({ socket }) => socket)).size).toBe(2);
  });

  test("no AAAA with no-aaaa, and A instead for an IPv6 lookup", async () => {
    expect((await simulate({ options: "no-aaaa" }, healthy)).wire).toEqual([
      "10.0.0.1 udp www.example.test. A",
    ]);
    const v6 = await simulate({ options: "no-aaaa", family: "inet6" }, healthy);
    expect(v6.wire).toEqual(["10.0.0.1 udp www.example.test. A"]);
    expect(v6.error).toBe("EAI_NODATA");
  });

  test("for the AD bit with trust-ad, and with an OPT record with edns0", async () => {
    const plain = await simulate({}, healthy);
    expect(plain.arrivals[0]!.octets[3]! & 0x20).toBe(0);
    expect(plain.arrivals[0]!.query.counts.additional).toBe(0);
    const both = await simulate({ options: "trust-ad edns0" }, healthy);
    expect(both.arrivals[0]!.octets[3]! & 0x20).toBe(0x20);
    expect(both.arrivals[0]!.query.counts.additional).toBe(1);
  });

  test("the next server first with each question, with rotate", async () => {
    const { wire } = await simulate(
      { options: "rotate", nameservers: servers(3), search: "a.test b.test", name: "www", random: () => 1 },
      always("NXDOMAIN"),
    );
    expect(wire.map((line) => line.split(" ")[0])).toEqual([
      "10.0.0.2",
      "10.0.0.2",
      "10.0.0.3",
      "10.0.0.3",
      "10.0.0.1",
      "10.0.0.1",
    ]);
  });
});

describe("glibc waits (a black hole; measured)", () => {
  test.each([
    [1, "", 10],
    [2, "", 20],
    [3, "", 28],
    [1, "timeout:1", 2],
    [2, "timeout:1", 4],
    [3, "timeout:1", 6],
    [1, "timeout:1 attempts:1", 1],
    [2, "timeout:1 attempts:1", 2],
    [3, "timeout:1 attempts:1", 3],
    [1, "timeout:2 attempts:3", 6],
    [2, "timeout:2 attempts:3", 12],
    [3, "timeout:2 attempts:3", 15],
    [1, "attempts:1", 5],
    [2, "attempts:1", 10],
    [3, "attempts:1", 14],
  ])("with %i servers and options %j: %i s", async (count, options, seconds) => {
    const result = await simulate({ nameservers: servers(count), options, name: "www.test." }, silent);
    expect(result.seconds).toBe(seconds);
    expect(result.error).toBe("EAI_AGAIN");
  });
});

describe("an upstream that never answers AAAA (measured)", () => {
  test.each([
    ["", 15, [V4]],
    ["single-request", 10, [V4]],
    ["single-request-reopen", 5, [V4]],
    ["timeout:1", 3, [V4]],
    ["timeout:1 attempts:3", 3, [V4]],
    ["timeout:1 attempts:5 single-request", 2, [V4]],
    ["no-aaaa", 0, [V4]],
  ])("with options %j takes %i s", async (options, seconds, addresses) => {
    const result = await simulate({ options }, withoutAaaa);
    expect(result.seconds).toBe(seconds);
    expect(result.addresses).toEqual(addresses);
  });

  test("is waited for for ever with use-vc", async () => {
    const result = await simulate({ options: "use-vc timeout:1", patienceMs: 200_000 }, withoutAaaa);
    expect(result).toMatchObject({ error: "STILL_WAITING", seconds: 200 });
    expect(result.wire).toEqual(["10.0.0.1 tcp www.example.test. A", "10.0.0.1 tcp www.example.test. AAAA"]);
  });

  test("does not matter for AF_INET, nor for a host without IPv6 that asks AI_ADDRCONFIG", async () => {
    expect((await simulate({ family: "inet" }, withoutAaaa)).seconds).toBe(0);
    const noV6 = { addrconfig: true, local: ["127.0.0.1", "::1", "10.0.0.9"] };
    expect((await simulate(noV6, withoutAaaa)).seconds).toBe(0);
  });

  test("is not helped by AI_ADDRCONFIG where there is a link-local address", async () => {
    const linkLocal = { addrconfig: true, local: ["127.0.0.1", "10.0.0.9", "fe80::1"] };
    expect((await simulate(linkLocal, withoutAaaa)).seconds).toBe(15);
  });

  test("slows only the first name of a thread: what it has learned stays", async () => {
    const perName: Behaviour = (arrival) =>
      isA(arrival) && arrival.query.question!.name === "www.b.test."
        ? reply(arrival, { addresses: [V4] })
        : isA(arrival)
          ? reply(arrival, { rcode: "NXDOMAIN" })
          : undefined;
    const { seconds, addresses } = await simulate({ name: "www", search: "a.test b.test" }, perName);
    expect(addresses).toEqual([V4]);
    expect(seconds).toBe(15 + 5);
  });

  test("costs one thread 15, 5, 5 seconds, lookup after lookup", async () => {
    const clock = virtualClock();
    const servers = {
      receive: (arrival: Arrival) => withoutAaaa(arrival, 0),
      connect: () => undefined,
      unreachable: () => undefined,
    };
    const network = simulatedNetwork(clock, servers, []);
    let chance = 0;
    const stub = { clock, network, timeline: createTimeline(clock), random: () => chance++ };
    const state = glibcState(glibcConf("nameserver 10.0.0.1\n", "host"), 0);
    const request = {
      name: "www.test",
      family: "any",
      addrconfig: false,
      v4mapped: false,
      all: false,
    } as const;
    const spent: number[] = [];
    for (let i = 0; i < 3; i++) {
      const began = clock.now();
      const answer = await clock.run(glibcLookup(stub, state, "", request), 1e6);
      expect(answer!.addresses).toEqual([V4]);
      spent.push(Math.round((clock.now() - began) / 1000));
    }
    expect(spent).toEqual([15, 5, 5]);
  });

  test("costs nothing if it says anything at all", async () => {
    for (const rcode of ["SERVFAIL", "FORMERR", "NOTIMP", "REFUSED", "NXDOMAIN", "NOERROR"] as const) {
      const result = await simulate({}, (arrival, nth) =>
        isA(arrival) ? healthy(arrival, nth) : reply(arrival, { rcode }),
      );
      expect(result, rcode).toMatchObject({ seconds: 0, addresses: [V4], error: null });
    }
  });
});

describe("a lost half (the race of two packets of one socket)", () => {
  /** Drops what leaves a socket while another query of it is under way, before any answer has come. */
  const race: Behaviour = (arrival, nth) =>
    arrival.isBeside && nth <= 2 ? undefined : healthy(arrival, nth);

  test.each([
    ["", 5],
    ["timeout:1", 1],
    ["single-request", 0],
    ["single-request-reopen", 0],
    ["no-aaaa", 0],
  ])("with options %j takes %i s", async (options, seconds) => {
    expect((await simulate({ options }, race)).seconds).toBe(seconds);
  });

  test("loses the AAAA for good with single-request-reopen", async () => {
    let lost = 0;
    const losesFirstAaaa: Behaviour = (arrival, nth) =>
      !isA(arrival) && lost++ === 0 ? undefined : healthy(arrival, nth);
    const result = await simulate({ options: "single-request-reopen" }, losesFirstAaaa);
    expect(result).toMatchObject({ seconds: 5, addresses: [V4], error: null });
  });

  test("takes an answer that comes after its time in the next attempt", async () => {
    const late: Behaviour = (arrival, nth) =>
      nth > 2 ? undefined : reply(arrival, { addresses: [isA(arrival) ? V4 : V6], afterMs: 6000 });
    expect(await simulate({}, late)).toMatchObject({ seconds: 6, addresses: [V4, V6] });
  });
});

describe("what a server says", () => {
  test("SERVFAIL, NOTIMP and REFUSED send glibc on to the next", async () => {
    for (const rcode of ["SERVFAIL", "NOTIMP", "REFUSED"] as const) {
      const result = await simulate({ nameservers: servers(2), family: "inet" }, (arrival, nth) =>
        arrival.server === "10.0.0.1" ? reply(arrival, { rcode }) : healthy(arrival, nth),
      );
      expect(result.wire.map((line) => line.split(" ")[0])).toEqual(["10.0.0.1", "10.0.0.2"]);
      expect(result.seconds).toBe(0);
    }
  });

  test("no data without RA and AA counts as a referral, with RA it is an answer", async () => {
    const lame = await simulate({ family: "inet6" }, (arrival) => reply(arrival, { ra: false }));
    expect(lame).toMatchObject({ error: "EAI_AGAIN", wire: { length: 2 } });
    const nodata = await simulate({ family: "inet6" }, (arrival) => reply(arrival, {}));
    expect(nodata).toMatchObject({ error: "EAI_NODATA", wire: { length: 1 } });
  });

  test("two rejections leave the socket open for the next attempt, one closes it (observed)", async () => {
    const sockets = async (setting: Parameters<typeof simulate>[0]) => {
      const { timeline, wire } = await simulate(setting, always("SERVFAIL"));
      const sends = timeline.filter(({ event }) => event === "send");
      return [wire.length, new Set(sends.map(({ socket }) => socket)).size];
    };
    expect(await sockets({})).toEqual([4, 1]);
    expect(await sockets({ family: "inet" })).toEqual([2, 2]);
    // A refused A ends the round: AAAA has not been asked yet, and nobody waits for it.
    expect(await sockets({ options: "single-request" })).toEqual([2, 2]);
  });

  test("a truncated reply has both asked over TCP", async () => {
    const result = await simulate({}, (arrival, nth) =>
      arrival.transport === "udp" ? reply(arrival, { tc: true }) : healthy(arrival, nth),
    );
    expect(result.wire.map((line) => line.split(" ").slice(1).join(" "))).toEqual([
      "udp www.example.test. A",
      "udp www.example.test. AAAA",
      "tcp www.example.test. A",
      "tcp www.example.test. AAAA",
    ]);
    expect(result.addresses).toEqual([V4, V6]);
  });

  test("a truncated reply and no TCP takes as long as the kernel tries; a reset fails at once", async () => {
    const truncated: Behaviour = (arrival) => reply(arrival, { tc: true });
    const dropped = await simulate({ options: "timeout:1 attempts:1" }, truncated, () => ({
      afterMs: 135_000,
      error: "ETIMEDOUT",
    }));
    expect(dropped).toMatchObject({ seconds: 135, error: "EAI_AGAIN" });
    const refused = await simulate({}, truncated, () => ({ afterMs: 1, error: "ECONNREFUSED" }));
    expect(refused).toMatchObject({ seconds: 0, error: "EAI_AGAIN" });
  });

  test("an alias is followed, and addresses of other names are not taken", async () => {
    const aliased = await simulate({ family: "inet" }, (arrival) =>
      reply(arrival, { cname: "real.test.", addresses: [V4] }),
    );
    expect(aliased.addresses).toEqual([V4]);
    const foreign = await simulate({ family: "inet" }, (arrival) =>
      reply(arrival, { name: "other.test.", addresses: [V4] }),
    );
    expect(foreign.addresses).toEqual([]);
  });

  test("a reply to another question is passed over", async () => {
    const result = await simulate({ family: "inet", options: "timeout:1 attempts:1" }, (arrival) => {
      const other = {
        ...arrival,
        query: { ...arrival.query, question: { ...arrival.query.question!, name: "x." } },
      };
      return reply(other, { addresses: [V4] });
    });
    expect(result).toMatchObject({ seconds: 1, error: "EAI_AGAIN" });
  });

  test("a closed port is no reason to wait, nor to go on with the search list", async () => {
    const result = await simulate({ name: "www", search: "a.test b.test" }, () => ({
      afterMs: 0,
      error: "ECONNREFUSED",
    }));
    expect(result).toMatchObject({ seconds: 0, error: "EAI_AGAIN" });
    expect(new Set(result.wire)).toEqual(
      new Set(["10.0.0.1 udp www.a.test. A", "10.0.0.1 udp www.a.test. AAAA"]),
    );
  });
});

describe("the search list", () => {
  const names = async (setting: Parameters<typeof simulate>[0], behaviour: Behaviour = always("NXDOMAIN")) =>
    (await simulate({ family: "inet", search: "a.test b.test", ...setting }, behaviour)).wire.map(
      (line) => line.split(" ")[2],
    );

  test("comes first below ndots, last from ndots on, not at all after a dot", async () => {
    expect(await names({ name: "www" })).toEqual(["www.a.test.", "www.b.test.", "www."]);
    expect(await names({ name: "x.y" })).toEqual(["x.y.", "x.y.a.test.", "x.y.b.test."]);
    expect(await names({ name: "x.y", options: "ndots:2" })).toEqual(["x.y.a.test.", "x.y.b.test.", "x.y."]);
    expect(await names({ name: "x.y." })).toEqual(["x.y."]);
  });

  test("is the host's domain if the file has none", async () => {
    expect(await names({ name: "www", search: undefined as never, hostname: "box.corp.test" })).toEqual([
      "www.corp.test.",
      "www.",
    ]);
  });

  test("goes on after NODATA and SERVFAIL, and ends with silence, but for the name as it is", async () => {
    expect(await names({ name: "www" }, always("NOERROR"))).toHaveLength(3);
    expect(await names({ name: "www", options: "attempts:1" }, always("SERVFAIL"))).toHaveLength(3);
    expect(await names({ name: "www", options: "attempts:1" }, silent)).toEqual(["www.a.test.", "www."]);
    expect(await names({ name: "www", options: "attempts:1" }, always("REFUSED"))).toEqual([
      "www.a.test.",
      "www.",
    ]);
  });

  test("leaves the name as it is out with no-tld-query", async () => {
    expect(await names({ name: "www", options: "no-tld-query" })).toEqual(["www.a.test.", "www.b.test."]);
  });

  test("prefers the error of the name as it is, then NODATA, then SERVFAIL", async () => {
    const by =
      (answers: Record<string, "NOERROR" | "NXDOMAIN" | "SERVFAIL">): Behaviour =>
      (arrival) =>
        reply(arrival, { rcode: answers[arrival.query.question!.name] ?? "NXDOMAIN" });
    const error = async (name: string, answers: Parameters<typeof by>[0]) =>
      (await simulate({ name, family: "inet", search: "a.test b.test" }, by(answers))).error;
    expect(await error("x.y", { "x.y.a.test.": "NOERROR" })).toBe("EAI_NONAME");
    expect(await error("www", { "www.a.test.": "NOERROR", "www.b.test.": "SERVFAIL" })).toBe("EAI_NODATA");
    expect(await error("www", { "www.a.test.": "SERVFAIL" })).toBe("EAI_AGAIN");
    expect(await error("www", {})).toBe("EAI_NONAME");
  });

  test("of a cluster makes eight queries of one (ndots:5)", async () => {
    const { wire } = await simulate(
      { name: "www.example.test", options: "ndots:5", search: "ns.svc.c.test svc.c.test c.test" },
      (arrival, nth) =>
        arrival.query.question!.name === "www.example.test."
          ? healthy(arrival, nth)
          : reply(arrival, { rcode: "NXDOMAIN" }),
    );
    expect(wire).toHaveLength(8);
  });
});

describe("before DNS", () => {
  const asked = async (setting: Parameters<typeof simulate>[0]) => {
    const { addresses, error, wire } = await simulate(setting, healthy);
    return { addresses, error, queries: wire.length };
  };
  const hosts = "10.1.1.1 WWW.example.test www\n#10.9.9.9 www\nfd00::1 www # v6\n::1 six\n";

  test("the hosts file has the last word, in any letter case", async () => {
    expect(await asked({ hosts })).toEqual({ addresses: ["10.1.1.1"], error: null, queries: 0 });
    expect(await asked({ hosts, name: "www" })).toMatchObject({
      addresses: ["10.1.1.1", "fd00::1"],
      queries: 0,
    });
    expect(await asked({ hosts, name: "www", family: "inet6" })).toMatchObject({ addresses: ["fd00::1"] });
    expect(await asked({ hosts, name: "six", family: "inet" })).toMatchObject({ addresses: ["127.0.0.1"] });
    expect(await asked({ hosts, family: "inet6" })).toMatchObject({ addresses: [V6], queries: 1 });
  });

  test("an address is its own answer, if its family will do", async () => {
    expect(await asked({ name: "127.1" })).toEqual({ addresses: ["127.0.0.1"], error: null, queries: 0 });
    expect(await asked({ name: "2001:db8::1" })).toMatchObject({ addresses: ["2001:db8::1"], queries: 0 });
    expect(await asked({ name: "10.0.0.1", family: "inet6" })).toMatchObject({ error: "EAI_ADDRFAMILY" });
    expect(await asked({ name: "10.0.0.1", family: "inet6", v4mapped: true })).toMatchObject({
      addresses: ["::ffff:10.0.0.1"],
    });
    expect(await asked({ name: "::ffff:10.0.0.1", family: "inet" })).toMatchObject({
      addresses: ["10.0.0.1"],
    });
  });

  test("AI_ADDRCONFIG may leave nothing to ask", async () => {
    expect(await asked({ addrconfig: true, family: "inet6", local: ["10.0.0.1", "::1"] })).toEqual({
      addresses: [],
      error: "EAI_NONAME",
      queries: 0,
    });
  });
});

describe("glibc does not ask DNS for what is no host name (observed)", () => {
  test.each(["a b", "a*b", "-dash", "a\\.b", "a..b", "b\u00fccher.test", "a".repeat(64)])(
    "%s",
    async (name) => {
      const { wire, error, timeline } = await simulate({ name }, healthy);
      expect(wire).toEqual([]);
      expect(error).toBe("EAI_NONAME");
      expect(timeline).toMatchObject([{ event: "give-up", text: expect.stringContaining("host name") }]);
    },
  );

  test.each([
    ["a_b.-dash", "a_b.-dash."],
    ["_x", "_x."],
    ["p\\045q", "p-q."],
    [".", "."],
  ])("but it does for %s", async (name, sent) => {
    expect((await simulate({ name, family: "inet" }, healthy)).wire).toEqual([`10.0.0.1 udp ${sent} A`]);
  });

  test("whatever the search list has", async () => {
    const { wire } = await simulate(
      { name: "zz", family: "inet", options: "ndots:2", search: "o*k.test" },
      healthy,
    );
    expect(wire).toEqual(["10.0.0.1 udp zz.o*k.test. A"]);
  });

  test("and takes it from the hosts file", async () => {
    expect((await simulate({ name: "a*b", hosts: "10.1.1.1 a*b\n" }, healthy)).addresses).toEqual([
      "10.1.1.1",
    ]);
  });
});

describe("AI_V4MAPPED and AI_ALL (measured)", () => {
  const v4Only: Behaviour = (arrival, nth) => (isA(arrival) ? healthy(arrival, nth) : reply(arrival, {}));

  test.each([
    [{ v4mapped: false, all: false }, [V6]],
    [{ v4mapped: true, all: false }, [V6]],
    [{ v4mapped: true, all: true }, [V6, `::ffff:${V4}`]],
    [{ v4mapped: false, all: true }, [V6]],
  ])("%j of a name with both", async (flags, addresses) => {
    expect((await simulate({ family: "inet6", ...flags }, healthy)).addresses).toEqual(addresses);
  });

  test("map the addresses of a name that has only IPv4", async () => {
    expect((await simulate({ family: "inet6", v4mapped: true }, v4Only)).addresses).toEqual([`::ffff:${V4}`]);
    expect((await simulate({ family: "inet6" }, v4Only)).error).toBe("EAI_NODATA");
  });
});
