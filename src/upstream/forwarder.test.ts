import { afterEach, describe, expect, it } from "vitest";
import { formatSocketAddress, type SocketAddress } from "../base/address.ts";
import { systemClock } from "../base/clock.ts";
import type { ServerAddress } from "../base/server-address.ts";
import { ResolveFailure } from "../resolver/failure.ts";
import { composeMessage } from "../wire/compose.ts";
import { frame } from "../wire/frame.ts";
import { EdeCode, EdnsOptionCode, Rcode, RrType } from "../wire/iana.ts";
import type { Message } from "../wire/message.ts";
import { upstreamCounters } from "./counters.ts";
import type { Dialer } from "./dialer.ts";
import { fakeClock } from "./fake-clock.suite.ts";
import {
  addressOf,
  answering,
  closedPort,
  countingDialer,
  type FakeUpstream,
  failing,
  fakeUpstream,
  replyTo,
  silent,
  type TcpScript,
  type UdpScript,
} from "./fake-upstream.suite.ts";
import { forwarder } from "./forwarder.ts";
import { health, serverKey } from "./health.ts";
import { hedges } from "./hedges.ts";
import type { Loops } from "./loops.ts";
import { aQuery } from "./query.suite.ts";
import { silenceMemory } from "./silence.ts";

const opened: FakeUpstream[] = [];
const clocks: ReturnType<typeof fakeClock>[] = [];
const dialers: ReturnType<typeof countingDialer>[] = [];
afterEach(async () => {
  // Whatever a test did, no socket is left behind, once those that are late have had their time.
  for (const clock of clocks.splice(0)) clock.advance(10_000);
  for (const dialer of dialers.splice(0)) await dialer.allClosed();
  for (const upstream of opened.splice(0)) await upstream.close();
});

async function upstream(udp: UdpScript, tcp?: TcpScript): Promise<FakeUpstream> {
  const made = await fakeUpstream(udp, tcp);
  opened.push(made);
  return made;
}

/** A forwarder to these servers, on real sockets and a clock that stands still. */
function to(servers: readonly ServerAddress[], part: Partial<Parameters<typeof forwarder>[0]> = {}) {
  const clock = fakeClock();
  clocks.push(clock);
  const dialer = countingDialer();
  dialers.push(dialer);
  const known = health({ clock });
  const counters = upstreamCounters();
  const resolver = forwarder({
    name: "host-upstreams",
    select: () => ({ servers, dialer, why: "test" }),
    health: known,
    clock,
    counters,
    ...part,
  });
  const stateOf = (server: SocketAddress) => known.of(serverKey("host", server)).state;
  return { resolver, clock, counters, stateOf, dialer, known };
}

const label = ({ server }: FakeUpstream) => formatSocketAddress(server);
const settle = () => new Promise((done) => setImmediate(done));

describe("forwarder", () => {
  it("relays what the upstream says", async () => {
    const a = await upstream((query, send) =>
      send(replyTo(query, { ad: true, answers: [addressOf(query, "192.0.2.1")] })),
    );
    const { resolver, stateOf } = to([a.server]);
    expect(await resolver.resolve(aQuery())).toEqual({
      rcode: Rcode.NOERROR,
      aa: false,
      ad: true,
      answers: [
        { name: "www.example.org.", type: 1, class: 1, ttl: 60, data: { kind: "A", address: "192.0.2.1" } },
      ],
      authority: [],
      additional: [],
      ede: [],
      origin: "upstream",
      upstream: label(a),
    });
    expect(stateOf(a.server)).toBe("up");
  });

  it("passes on the client's bits and the upstream's explanations", async () => {
    const data = Buffer.from([0, EdeCode.BLOCKED, ...Buffer.from("ads")]);
    const a = await upstream((query, send) =>
      send(
        replyTo(query, {
          rcode: Rcode.NXDOMAIN,
          edns: { ...query.edns!, options: [{ code: EdnsOptionCode.EDE, data }] },
        }),
      ),
    );
    const { resolver } = to([a.server]);
    expect(await resolver.resolve(aQuery({ rd: false, cd: true, do: true }))).toMatchObject({
      rcode: Rcode.NXDOMAIN,
      ede: [{ code: EdeCode.BLOCKED, text: "ads" }],
    });
    expect(a.udp[0]).toMatchObject({ header: { rd: false, cd: true, ad: false }, edns: { do: true } });
  });

  it.each([Rcode.NXDOMAIN, Rcode.NOERROR, Rcode.YXDOMAIN])("takes rcode %i as final", async (rcode) => {
    const [a, b] = [await upstream(failing(rcode)), await upstream(answering("192.0.2.1"))];
    const { resolver } = to([a.server, b.server]);
    expect(await resolver.resolve(aQuery())).toMatchObject({ rcode, answers: [], upstream: label(a) });
    expect(b.udp).toHaveLength(0);
  });

  it.each([Rcode.SERVFAIL, Rcode.REFUSED, Rcode.NOTIMP, Rcode.FORMERR, 9])(
    "goes on at once after rcode %i",
    async (rcode) => {
      const [a, b] = [await upstream(failing(rcode)), await upstream(answering("192.0.2.1"))];
      const { resolver, stateOf, counters } = to([a.server, b.server]);
      expect(await resolver.resolve(aQuery())).toMatchObject({ upstream: label(b) });
      expect(stateOf(a.server)).toBe("up");
      expect(counters).toMatchObject({ udp: 2, movedOn: 1, late: 0 });
    },
  );

  it("goes on at once from a port where nothing listens, and does not begin there again", async () => {
    const dead = await closedPort();
    const b = await upstream(answering("192.0.2.1"));
    const { resolver, stateOf, counters } = to([dead, b.server]);
    expect(await resolver.resolve(aQuery())).toMatchObject({ upstream: label(b) });
    expect(stateOf(dead)).toBe("down");
    await resolver.resolve(aQuery());
    expect(counters).toMatchObject({ udp: 3, movedOn: 1, late: 0 });
  });

  it("asks the next beside a silent server, and remembers the dead one", async () => {
    const [a, b] = [await upstream(silent), await upstream(answering("192.0.2.1"))];
    const { resolver, clock, stateOf } = to([a.server, b.server]);
    const first = resolver.resolve(aQuery());
    await a.asked(1);
    clock.advance(300);
    expect(await first).toMatchObject({ upstream: label(b) });
    expect(stateOf(a.server)).toBe("down");
    for (let query = 0; query < 20; query++) await resolver.resolve(aQuery());
    expect(a.udp).toHaveLength(1);
    expect(b.udp).toHaveLength(21);
  });

  it("does not give up a server that answers usually for one lost datagram", async () => {
    const [a, b] = [await upstream(answering("192.0.2.1")), await upstream(answering("192.0.2.2"))];
    const { resolver, clock, stateOf } = to([a.server, b.server]);
    await resolver.resolve(aQuery());
    a.script(silent);
    for (const expected of ["up", "down"]) {
      const came = a.udp.length;
      const asked = resolver.resolve(aQuery());
      await a.asked(came + 1);
      clock.advance(100);
      expect(await asked).toMatchObject({ upstream: label(b) });
      // It is listened to until it is overdue.
      clock.advance(199);
      expect(stateOf(a.server)).toBe("up");
      clock.advance(1);
      expect(stateOf(a.server)).toBe(expected);
    }
  });

  it("lets a slow server still win", async () => {
    let answer = () => {};
    const a = await upstream((query, send) => {
      answer = () => answering("192.0.2.1")(query, send);
    });
    const b = await upstream(silent);
    const { resolver, clock, stateOf } = to([a.server, b.server]);
    const asked = resolver.resolve(aQuery());
    await a.asked(1);
    clock.advance(300);
    await b.asked(1);
    answer();
    expect(await asked).toMatchObject({ upstream: label(a) });
    expect([stateOf(a.server), stateOf(b.server)]).toEqual(["up", "unknown"]);
  });

  it("does not let a later server's NXDOMAIN beat a first one that is only slow", async () => {
    let answer = () => {};
    const a = await upstream((query, send) => {
      answer = () => answering("192.0.2.1")(query, send);
    });
    const b = await upstream(failing(Rcode.NXDOMAIN));
    const { resolver, clock, stateOf } = to([a.server, b.server]);
    const query = aQuery();
    const asked = resolver.resolve(query);
    await a.asked(1);
    clock.advance(300);
    while (!query.trace.steps.some(({ decision }) => decision === "held")) await settle();
    clock.advance(449);
    answer();
    expect(await asked).toMatchObject({ upstream: label(a), rcode: Rcode.NOERROR });
    expect([stateOf(a.server), stateOf(b.server)]).toEqual(["up", "up"]);
    expect(clock.waiting).toBe(0);
  });

  it("takes a later server's NXDOMAIN when the first stays silent, then without delay", async () => {
    const [a, b] = [await upstream(silent), await upstream(failing(Rcode.NXDOMAIN))];
    const { resolver, clock, stateOf } = to([a.server, b.server]);
    const query = aQuery();
    const asked = resolver.resolve(query);
    await a.asked(1);
    clock.advance(300);
    while (!query.trace.steps.some(({ decision }) => decision === "held")) await settle();
    clock.advance(500);
    expect(await asked).toMatchObject({ upstream: label(b), rcode: Rcode.NXDOMAIN });
    expect(stateOf(a.server)).toBe("down");
    expect(await resolver.resolve(aQuery())).toMatchObject({ upstream: label(b), rcode: Rcode.NXDOMAIN });
  });

  it("holds a later server's NXDOMAIN no longer than until all that are preferred to it have failed", async () => {
    let answer = () => {};
    let refuse = () => {};
    const a = await upstream((query, send) => {
      answer = () => failing(Rcode.SERVFAIL)(query, send);
    });
    const [b, c] = [await upstream(silent), await upstream(failing(Rcode.NXDOMAIN))];
    const counting = countingDialer();
    dialers.push(counting);
    const dialer: Dialer = {
      ...counting,
      udp(server, listener) {
        if (server === b.server)
          refuse = () => listener.failed(Object.assign(new Error(), { code: "ECONNREFUSED" }));
        return counting.udp(server, listener);
      },
    };
    const servers = [a.server, b.server, c.server];
    const { resolver, clock } = to(servers, { select: () => ({ servers, dialer, why: "test" }) });
    const query = aQuery();
    const asked = resolver.resolve(query);
    for (const each of [a, b]) {
      await each.asked(1);
      clock.advance(300);
    }
    const steps = (decision: string) => query.trace.steps.filter((step) => step.decision === decision);
    while (steps("held").length === 0) await settle();
    answer();
    while (steps("reply").length < 2) await settle();
    await settle();
    expect(steps("chosen")).toEqual([]);
    refuse();
    await settle();
    expect(steps("chosen")).toHaveLength(1);
    expect(await asked).toMatchObject({ upstream: label(c), rcode: Rcode.NXDOMAIN });
    expect(clock.waiting).toBe(0);
  });

  it("tries a dead server again beside a query, in nobody's way, and goes back to it", async () => {
    const [a, b] = [await upstream(silent), await upstream(answering("192.0.2.2"))];
    const { resolver, clock, stateOf, counters } = to([a.server, b.server]);
    const first = resolver.resolve(aQuery());
    await a.asked(1);
    clock.advance(300);
    await first;

    clock.advance(5000);
    expect(await resolver.resolve(aQuery())).toMatchObject({ upstream: label(b) });
    await a.asked(2);
    clock.advance(1500);
    await settle();
    expect(stateOf(a.server)).toBe("down");

    a.script(answering("192.0.2.1"));
    clock.advance(10_000);
    expect(await resolver.resolve(aQuery())).toMatchObject({ upstream: label(b) });
    await a.asked(3);
    while (stateOf(a.server) === "down") await settle();
    expect(await resolver.resolve(aQuery())).toMatchObject({ upstream: label(a) });
    expect(counters.retries).toBe(2);
  });

  it("has one of many that are down looked at aside, where a query would end before its turn comes", async () => {
    const dead = await Promise.all(Array.from({ length: 6 }, () => upstream(silent)));
    const back = await upstream(answering("192.0.2.1"));
    const all = [...dead, back];
    const { resolver, clock, known, stateOf } = to(all.map(({ server }) => server));
    for (const { server } of all)
      for (let time = 0; time < 9; time++) known.failed(serverKey("host", server), "timed out");
    clock.advance(60_000);
    const asked = resolver.resolve(aQuery());
    await back.asked(1);
    while (stateOf(back.server) !== "up") await settle();
    // Now it is worth waiting until its turn comes.
    clock.advance(700);
    expect(await asked).toMatchObject({ upstream: label(back) });
  });

  it("does not wait long for a dead server once the living one has failed", async () => {
    const [dead, b] = [await upstream(silent), await upstream(failing(Rcode.SERVFAIL))];
    const { resolver, clock, known } = to([dead.server, b.server]);
    for (let time = 0; time < 9; time++) known.failed(serverKey("host", dead.server), "timed out");
    const query = aQuery();
    const failed = expect(resolver.resolve(query)).rejects.toThrow("SERVFAIL");
    // The race asks the dead one when it has heard of the other.
    while (!query.trace.steps.some(({ decision }) => decision === "reply")) await settle();
    await settle();
    clock.advance(500);
    await failed;
  });

  it("takes one that was down for alive, though it answered an earlier query after this one began", async () => {
    const replies: { readonly name: string; readonly send: () => void }[] = [];
    const slow = await upstream((query, send) => {
      const { name } = query.questions[0]!;
      replies.push({ name, send: () => answering("192.0.2.1")(query, send) });
    });
    const answer = (wanted: string) => {
      for (const { name, send } of replies) if (name === wanted) send();
    };
    const hasAsked = (wanted: string) => replies.some(({ name }) => name === wanted);
    const b = await upstream(failing(Rcode.REFUSED));
    const { resolver, clock, known, stateOf } = to([slow.server, b.server]);
    known.failed(serverKey("host", slow.server), "timed out");
    const first = aQuery();
    const failed = expect(resolver.resolve(first)).rejects.toThrow("REFUSED");
    while (!first.trace.steps.some(({ decision }) => decision === "reply")) await settle();
    while (!hasAsked("www.example.org.")) await settle();
    clock.advance(500);
    await failed;
    expect(stateOf(slow.server)).toBe("down");
    const second = resolver.resolve(aQuery({ question: { name: "b.example.", type: RrType.A, class: 1 } }));
    while (!hasAsked("b.example.")) await settle();
    clock.advance(200);
    answer("www.example.org.");
    while (stateOf(slow.server) !== "up") await settle();
    clock.advance(500);
    expect(stateOf(slow.server)).toBe("up");
    answer("b.example.");
    expect(await second).toMatchObject({ upstream: label(slow) });
  });

  it("asks a single silent server three times from three sockets, then over TCP, and fails within the budget", async () => {
    const a = await upstream(silent);
    const { resolver, clock, dialer, counters } = to([a.server]);
    const asked = resolver.resolve(aQuery());
    const failed = expect(asked).rejects.toMatchObject({
      rcode: Rcode.SERVFAIL,
      ede: { code: EdeCode.NO_REACHABLE_AUTHORITY, text: `${label(a)} timed out` },
    });
    for (const [sends, wait] of [
      [1, 300],
      [2, 300],
      [3, 1200],
      // The fourth asks whether it is alive.
      [4, 600],
    ] as const) {
      await a.asked(sends);
      clock.advance(wait);
    }
    await failed;
    expect(await dialer.allClosed()).toBe(5);
    const isRoot = ({ questions: [question] }: Message) =>
      question?.name === "." && question.type === RrType.NS;
    expect(a.udp.filter(isRoot)).toHaveLength(1);
    expect(new Set(a.udp.filter((each) => !isRoot(each)).map(({ header }) => header.id)).size).toBe(3);
    expect(counters).toMatchObject({ udp: 3, tcp: 1, failed: 1 });
  });

  it("takes no server for dead that is silent on one name and answers others", async () => {
    const a = await upstream((query, send) => {
      if (query.questions[0]?.name === ".") send(replyTo(query, { rcode: Rcode.REFUSED }));
    });
    const { resolver, clock, stateOf } = to([a.server]);
    const failed = expect(resolver.resolve(aQuery())).rejects.toThrow("timed out");
    await a.asked(1);
    clock.advance(300);
    await a.asked(2);
    clock.advance(1500);
    while (stateOf(a.server) !== "up") await settle();
    clock.advance(600);
    await failed;
    expect(stateOf(a.server)).toBe("up");
  });

  it("asks a server that was heard of meanwhile nothing more when it is silent on one name", async () => {
    const a = await upstream(silent);
    const { resolver, clock, stateOf, known } = to([a.server]);
    const failed = expect(resolver.resolve(aQuery())).rejects.toThrow("timed out");
    await a.asked(1);
    clock.advance(300);
    known.answered(serverKey("host", a.server), 10);
    clock.advance(2100);
    await failed;
    expect(stateOf(a.server)).toBe("up");
    expect(a.udp.every(({ questions: [question] }) => question?.name !== ".")).toBe(true);
  });

  it("is helped by the second send when the first datagram is lost", async () => {
    const a = await upstream(silent);
    const { resolver, clock, stateOf } = to([a.server]);
    const asked = resolver.resolve(aQuery());
    await a.asked(1);
    a.script(answering("192.0.2.1"));
    clock.advance(300);
    expect(await asked).toMatchObject({ upstream: label(a) });
    expect(stateOf(a.server)).toBe("up");
  });

  it("fails in bounded time when all are dead, names each, and still asks all of them the next time", async () => {
    const all = [
      await upstream(silent),
      await upstream(silent),
      await upstream(silent),
      await upstream(silent),
    ];
    const { resolver, clock, stateOf } = to(all.map(({ server }) => server));
    const asked = resolver.resolve(aQuery());
    const failed = expect(asked).rejects.toThrow(all.map((each) => `${label(each)} timed out`).join(", "));
    for (const each of all) {
      await each.asked(1);
      clock.advance(300);
    }
    clock.advance(2400 - 4 * 300);
    await failed;
    expect(all.map(({ server }) => stateOf(server))).toEqual(["down", "down", "down", "down"]);

    const last = all[3]!;
    const came = last.udp.length;
    last.script(answering("192.0.2.4"));
    const again = resolver.resolve(aQuery());
    for (const each of all.slice(0, 3)) {
      await each.asked(each.udp.length);
      clock.advance(100);
    }
    expect(await again).toMatchObject({ upstream: label(last) });
    expect(last.udp.length).toBe(came + 1);
    expect(stateOf(last.server)).toBe("up");
  });

  it("asks the next one where a server neither knows nor looks it up, and relays that if nobody knows better", async () => {
    const header = { ra: false, aa: false };
    const lame = await upstream((query, send) =>
      send({ ...replyTo(query, {}), header: { ...replyTo(query, {}).header, ...header } }),
    );
    const good = await upstream(answering("192.0.2.1"));
    const dead = await closedPort();
    const better = to([lame.server, good.server]);
    expect(await better.resolver.resolve(aQuery())).toMatchObject({ upstream: label(good) });
    for (const servers of [[lame.server], [lame.server, dead]]) {
      const { resolver } = to(servers);
      expect(await resolver.resolve(aQuery())).toMatchObject({
        rcode: Rcode.NOERROR,
        answers: [],
        upstream: label(lame),
      });
    }
  });

  it("says what every server did", async () => {
    const dead = await closedPort();
    const a = await upstream(failing(Rcode.SERVFAIL));
    const b = await upstream(failing(Rcode.REFUSED));
    const { resolver } = to([dead, a.server, b.server]);
    await expect(resolver.resolve(aQuery())).rejects.toMatchObject({
      name: "ResolveFailure",
      rcode: Rcode.SERVFAIL,
      ede: {
        code: EdeCode.NO_REACHABLE_AUTHORITY,
        text: `${formatSocketAddress(dead)} refused the connection, ${label(a)} answered SERVFAIL, ${label(b)} answered REFUSED`,
      },
    });
  });

  it("calls it a network error when nothing but the network answered", async () => {
    const dead = await closedPort();
    const { resolver } = to([dead]);
    await expect(resolver.resolve(aQuery())).rejects.toMatchObject({ ede: { code: EdeCode.NETWORK_ERROR } });
  });

  it("keeps an upstream's explanation of its SERVFAIL", async () => {
    const DNSSEC_BOGUS = 6;
    const data = Buffer.from([0, DNSSEC_BOGUS, ...Buffer.from("signature expired")]);
    const a = await upstream((query, send) =>
      send(
        replyTo(query, {
          rcode: Rcode.SERVFAIL,
          edns: { ...query.edns!, options: [{ code: EdnsOptionCode.EDE, data }] },
        }),
      ),
    );
    const { resolver } = to([a.server]);
    await expect(resolver.resolve(aQuery())).rejects.toMatchObject({
      ede: { code: DNSSEC_BOGUS, text: `${label(a)} answered SERVFAIL (signature expired)` },
    });
  });

  it("fails at once without any upstream, and says what to set", async () => {
    const { resolver, clock } = to([]);
    const failed = await resolver.resolve(aQuery())!.catch((error) => error);
    expect(failed).toBeInstanceOf(ResolveFailure);
    expect(failed.ede.text).toMatch(/no upstream server \(test\): set a nameserver .*resolv\.conf/);
    expect(clock.waiting).toBe(0);
  });

  it("asks a server that is listed twice as one", async () => {
    const a = await upstream(failing(Rcode.SERVFAIL));
    const { resolver } = to([a.server, { ...a.server }]);
    await expect(resolver.resolve(aQuery())).rejects.toThrow("answered SERVFAIL");
    expect(a.udp).toHaveLength(1);
  });

  it("stops when the client gives up, without blaming the server", async () => {
    const a = await upstream(silent);
    const { resolver, clock, dialer, stateOf } = to([a.server]);
    const client = new AbortController();
    const asked = resolver.resolve(aQuery({ signal: client.signal }));
    await a.asked(1);
    client.abort();
    await expect(asked).rejects.toThrow(`${label(a)} had not answered yet`);
    expect(await dialer.allClosed()).toBe(1);
    expect(clock.waiting).toBe(0);
    expect(stateOf(a.server)).toBe("unknown");
  });

  it("does not blame a server for our own trouble", async () => {
    const a = await upstream(answering("192.0.2.1"));
    const clock = fakeClock();
    const known = health({ clock });
    const tooMany = Object.assign(new Error("bind EMFILE 0.0.0.0"), { code: "EMFILE" });
    const resolver = forwarder({
      name: "test",
      select: () => ({ servers: [a.server], dialer: countingDialer(), why: "test" }),
      exchange: () => Promise.reject(tooMany),
      health: known,
      clock,
    });
    await expect(resolver.resolve(aQuery())).rejects.toThrow("could not be asked: bind EMFILE");
    expect(known.of(serverKey("host", a.server)).state).toBe("unknown");
  });

  it("ignores forged replies and counts them", async () => {
    const a = await upstream((query, send) => {
      const forged = replyTo(query, { answers: [addressOf(query, "203.0.113.66")] });
      for (let guess = 1; guess <= 3; guess++) {
        send({ ...forged, header: { ...forged.header, id: (query.header.id + guess) % 65536 } });
      }
      answering("192.0.2.1")(query, send);
    });
    const { resolver, counters } = to([a.server]);
    expect(await resolver.resolve(aQuery())).toMatchObject({ answers: [{ data: { address: "192.0.2.1" } }] });
    expect(counters.forged).toBe(3);
  });

  it("says so when all that came was no reply", async () => {
    const a = await upstream((query, send) => {
      const reply = replyTo(query, {});
      send({ ...reply, questions: [{ ...reply.questions[0]!, name: "else.example." }] });
    });
    const { resolver, clock, counters } = to([a.server]);
    const failed = expect(resolver.resolve(aQuery())).rejects.toThrow(
      `${label(a)} timed out but for what was no reply to this (another question)`,
    );
    while (counters.forged === 0) await settle();
    clock.advance(2400);
    await failed;
  });

  it("asks a second one early only while that is seldom, and always one beside an overdue one", async () => {
    const [a, b] = [await upstream(answering("192.0.2.1")), await upstream(answering("192.0.2.2"))];
    const { resolver, clock, counters } = to([a.server, b.server], {
      budget: hedges({ share: 0, burst: 1 }),
    });
    await resolver.resolve(aQuery());
    a.script(silent);
    const [first, second] = [resolver.resolve(aQuery()), resolver.resolve(aQuery())];
    await a.asked(3);
    clock.advance(100);
    await first;
    clock.advance(199);
    await settle();
    expect([b.udp.length, counters.hedges]).toEqual([1, 1]);
    clock.advance(1);
    expect(await second).toMatchObject({ upstream: label(b) });
    expect([b.udp.length, counters.hedges]).toEqual([2, 1]);
  });

  it("learns what a slow answer took, though another one was quicker", async () => {
    const [a, b] = [await upstream(answering("192.0.2.1")), await upstream(answering("192.0.2.2"))];
    const { resolver, clock, known, stateOf } = to([a.server, b.server]);
    await resolver.resolve(aQuery());
    let answer = () => {};
    a.script((query, send) => {
      answer = () => answering("192.0.2.1")(query, send);
    });
    const asked = resolver.resolve(aQuery());
    await a.asked(2);
    clock.advance(100);
    expect(await asked).toMatchObject({ upstream: label(b) });
    clock.advance(150);
    answer();
    const rttMs = () => known.of(serverKey("host", a.server)).rttMs;
    while (rttMs() === 0) await settle();
    expect([rttMs(), stateOf(a.server)]).toEqual([250, "up"]);
  });

  it("asks the fastest first where that is the policy, and measures the others aside", async () => {
    const [a, b] = [await upstream(silent), await upstream(answering("192.0.2.2"))];
    const { resolver, clock, known, counters } = to([a.server, b.server], { policy: () => "fastest" });
    const first = resolver.resolve(aQuery());
    await b.asked(1);
    while (known.of(serverKey("host", b.server)).state !== "up") await settle();
    expect(counters.retries).toBe(1);
    expect(await resolver.resolve(aQuery())).toMatchObject({ upstream: label(b) });
    clock.advance(300);
    expect(await first).toMatchObject({ upstream: label(b) });
  });

  it("believes whoever is first where the list is no preference", async () => {
    const [a, b] = [await upstream(silent), await upstream(failing(Rcode.NXDOMAIN))];
    const { resolver, clock } = to([a.server, b.server], { policy: () => "fastest" });
    const asked = resolver.resolve(aQuery());
    await a.asked(1);
    clock.advance(300);
    expect(await asked).toMatchObject({ rcode: Rcode.NXDOMAIN, upstream: label(b) });
  });

  it("draws the order where the policy is random, those that are down last", async () => {
    const all = [await upstream(answering("192.0.2.1")), await upstream(answering("192.0.2.2"))];
    const dead = await closedPort();
    const servers = [dead, ...all.map(({ server }) => server)];
    const { resolver } = to(servers, { policy: () => "random" });
    for (let query = 0; query < 40; query++) await resolver.resolve(aQuery());
    for (const { udp } of all) expect(udp.length).toBeGreaterThan(3);
    expect(all[0]!.udp.length + all[1]!.udp.length).toBe(40);
  });

  it("does not wait long once it is known that all are dead", async () => {
    const all = [await upstream(silent), await upstream(silent)];
    const { resolver, clock } = to(all.map(({ server }) => server));
    const first = resolver.resolve(aQuery());
    const failed = expect(first).rejects.toThrow("timed out");
    for (const each of all) {
      await each.asked(1);
      clock.advance(300);
    }
    clock.advance(1800);
    await failed;
    const again = expect(resolver.resolve(aQuery())).rejects.toThrow("timed out");
    clock.advance(1000);
    await again;
  });

  it("hears one that is down when it answers at last, and goes back to it", async () => {
    const late: (() => void)[] = [];
    const a = await upstream((query, send) => {
      late.push(() => send(replyTo(query, { rcode: Rcode.NXDOMAIN })));
    });
    const { resolver, clock, stateOf, known } = to([a.server]);
    known.failed(serverKey("host", a.server), "test");
    const failed = expect(resolver.resolve(aQuery())).rejects.toThrow("timed out");
    await a.asked(1);
    clock.advance(500);
    await failed;
    clock.advance(1000);
    for (const each of late.splice(0)) each();
    while (stateOf(a.server) !== "up") await settle();
  });

  it("does not ask who leads back here", async () => {
    const a = await upstream(answering("192.0.2.1"));
    const back = await upstream(silent);
    const tests: Loops = {
      resolver: { name: "loop-test", resolve: async () => undefined },
      check: () => {},
      isLoop: (scope, { port }) => scope === "host" && port === back.server.port,
    };
    expect(await to([back.server, a.server], { loops: tests }).resolver.resolve(aQuery())).toMatchObject({
      upstream: label(a),
    });
    await expect(to([back.server], { loops: tests }).resolver.resolve(aQuery())).rejects.toThrow(
      "nobody but this server itself",
    );
    expect(back.udp).toEqual([]);
  });

  it("traces the selection, every send and reply, and the choice", async () => {
    const [a, b] = [await upstream(failing(Rcode.REFUSED)), await upstream(answering("192.0.2.1"))];
    const query = aQuery({ question: { name: "example.org.", type: RrType.A, class: 1 } });
    await to([a.server, b.server]).resolver.resolve(query);
    expect(query.trace.steps.map(({ decision, detail }) => [decision, detail.server ?? detail.why])).toEqual([
      ["selected", "test"],
      ["send", label(a)],
      ["reply", label(a)],
      ["send", label(b)],
      ["reply", label(b)],
      ["chosen", label(b)],
    ]);
  });

  it("bears many queries at once on one client signal", async () => {
    const a = await upstream(answering("192.0.2.1"));
    const dialer = countingDialer();
    dialers.push(dialer);
    const resolver = forwarder({
      name: "test",
      select: () => ({ servers: [a.server], dialer, why: "test" }),
      health: health({ clock: systemClock }),
      clock: systemClock,
    });
    const { signal } = new AbortController();
    const answers = await Promise.all(
      Array.from({ length: 200 }, () => resolver.resolve(aQuery({ signal }))),
    );
    expect(answers.every((answer) => answer?.answers.length === 1)).toBe(true);
  });
});

describe("forwarder of a reply that was cut off", () => {
  const truncated: UdpScript = (query, send) => send(replyTo(query, { tc: true }));
  const never: TcpScript = () => {};

  it("asks the next one where TCP is refused, and does not call the server dead", async () => {
    const [a, b] = [await upstream(truncated), await upstream(answering("192.0.2.2"))];
    const { resolver, stateOf } = to([a.server, b.server]);
    expect(await resolver.resolve(aQuery())).toMatchObject({ upstream: label(b) });
    expect(stateOf(a.server)).toBe("up");
  });

  const whole: TcpScript = (query, socket) =>
    socket.write(frame(composeMessage(replyTo(query, { answers: [addressOf(query, "192.0.2.1")] }))));
  const saidOf = (each: FakeUpstream) => `${label(each)} cut its answer off, and over TCP it timed out`;

  it("gives TCP of the only one all the time there is, also when it has failed before", async () => {
    const a = await upstream(truncated, never);
    const { resolver, clock, stateOf, counters } = to([a.server]);
    for (const ms of [2300, 2300]) {
      const before = counters.tcp;
      const failed = expect(resolver.resolve(aQuery())).rejects.toThrow(saidOf(a));
      await a.askedOverTcp(before + 1);
      clock.advance(250);
      await a.askedOverTcp(before + 2);
      clock.advance(ms - 250);
      await failed;
      expect([stateOf(a.server), counters.tcp]).toEqual(["up", before + 2]);
    }
  });

  it("asks the only one over TCP though that has failed before", async () => {
    let isWilling = false;
    const a = await upstream(truncated, (query, socket) => (isWilling ? whole(query, socket) : socket.end()));
    const { resolver, known } = to([a.server]);
    await expect(resolver.resolve(aQuery())).rejects.toThrow("over TCP it closed the connection");
    const key = `${serverKey("host", a.server)} over TCP`;
    expect(known.of(key).state).toBe("down");
    isWilling = true;
    expect((await resolver.resolve(aQuery()))?.answers).toHaveLength(1);
    expect(known.of(key).state).toBe("up");
  });

  it("asks over a second connection where the first is silent", async () => {
    let count = 0;
    const a = await upstream(truncated, (query, socket) =>
      count++ === 0 ? undefined : whole(query, socket),
    );
    const { resolver, clock } = to([a.server]);
    const asked = resolver.resolve(aQuery());
    await a.askedOverTcp(1);
    clock.advance(250);
    expect((await asked)?.answers).toHaveLength(1);
  });

  it("gives one's TCP up where another can be asked, spares it from then on, and tries it again aside", async () => {
    let isWilling = false;
    const a = await upstream(truncated, (query, socket) => (isWilling ? whole(query, socket) : undefined));
    const b = await upstream(failing(Rcode.SERVFAIL));
    const { resolver, clock, known } = to([a.server, b.server]);
    const ask = () => resolver.resolve(aQuery());
    const failed = expect(ask()).rejects.toThrow(saidOf(a));
    await a.askedOverTcp(1);
    clock.advance(600);
    await failed;
    clock.advance(1250);
    isWilling = true;
    await expect(ask()).rejects.toThrow("over TCP it is known not to answer");
    while (known.of(`${serverKey("host", a.server)} over TCP`).state === "down") await settle();
    expect((await ask())?.answers).toHaveLength(1);
  });
});

describe("forwarder of a type that is not answered", () => {
  const aaaa = (part = {}) =>
    aQuery({ question: { name: "www.example.org.", type: RrType.AAAA, class: 1 }, ...part });
  /** Answers A, and AAAA only when told to. */
  const onlyA: UdpScript = (query, send) => {
    if (query.questions[0]!.type === RrType.A) answering("192.0.2.1")(query, send);
  };
  const typesOf = ({ udp }: FakeUpstream) => udp.map(({ questions }) => questions[0]!.type);

  /** Until a decision is in the trace: real sockets answer in their own time. */
  async function until(
    query: ReturnType<typeof aQuery>,
    decision: string,
    clock: { advance(ms: number): void },
  ) {
    for (let step = 0; step < 300 && !query.trace.steps.some((each) => each.decision === decision); step++) {
      clock.advance(10);
      await settle();
    }
  }

  it("answers NODATA within a second when A is answered, and says so", async () => {
    const a = await upstream(onlyA);
    const { resolver, clock, counters, stateOf } = to([a.server]);
    const query = aaaa();
    const asked = resolver.resolve(query);
    await a.asked(1);
    const began = clock.now();
    await until(query, "silent", clock);
    expect(clock.now() - began).toBeGreaterThanOrEqual(800);
    expect(clock.now() - began).toBeLessThan(1000);
    expect(await asked).toMatchObject({
      rcode: Rcode.NOERROR,
      answers: [],
      authority: [],
      ede: [
        { code: EdeCode.NO_REACHABLE_AUTHORITY, text: expect.stringContaining("answers A but not AAAA") },
      ],
    });
    expect(typesOf(a)).toContain(RrType.A);
    expect(counters.silent).toBe(1);
    expect(stateOf(a.server)).toBe("up");
  });

  it("does not do so for one lost datagram of a server that answers the type", async () => {
    const a = await upstream(onlyA);
    let isFirst = true;
    const b = await upstream((query, send) => {
      if (query.questions[0]!.type !== RrType.A && isFirst) isFirst = false;
      else send(replyTo(query, { rcode: Rcode.NXDOMAIN }));
    });
    const { resolver, clock } = to([a.server, b.server]);
    const query = aaaa();
    const began = clock.now();
    const asked = resolver.resolve(query);
    await a.asked(1);
    const isOver = () => query.trace.steps.some(({ decision }) => ["chosen", "silent"].includes(decision));
    while (!isOver()) {
      clock.advance(10);
      for (let turn = 0; turn < 5; turn++) await settle();
    }
    expect(await asked).toMatchObject({ rcode: Rcode.NXDOMAIN, upstream: label(b) });
    expect(clock.now() - began).toBeLessThan(1000);
  });

  it("does so even where the last of three servers is asked late", async () => {
    const all = [await upstream(onlyA), await upstream(onlyA), await upstream(onlyA)];
    const { resolver, clock, known } = to(all.map(({ server }) => server));
    // It is overdue after 360 ms, the second after 300: so the third is asked after 660.
    known.answered(serverKey("host", all[0]!.server), 120);
    const query = aaaa();
    const asked = resolver.resolve(query);
    await all[0]!.asked(1);
    const began = clock.now();
    await until(query, "silent", clock);
    expect(clock.now() - began).toBeLessThan(1000);
    expect(await asked).toMatchObject({ rcode: Rcode.NOERROR, answers: [] });
    expect(typesOf(all[2]!)).toContain(RrType.AAAA);
  });

  /** Asks for the names in turn until each has its answer, and tells how long that took. */
  async function silences({ resolver, clock }: ReturnType<typeof to>, names: readonly string[]) {
    const tookMs: number[] = [];
    for (const name of names) {
      const query = aaaa({ question: { name, type: RrType.AAAA, class: 1 } });
      const began = clock.now();
      const asked = resolver.resolve(query);
      await until(query, "silent", clock);
      expect(await asked).toMatchObject({ rcode: Rcode.NOERROR, answers: [] });
      tookMs.push(clock.now() - began);
    }
    return tookMs;
  }
  const dead = ["n1.co.uk.", "n2.co.uk.", "n3.co.uk."];
  const slowName = "slow.co.uk.";

  it("answers for a name in the server's usual time once it was silent", async () => {
    const a = await upstream(onlyA);
    const [firstMs, laterMs] = await silences(to([a.server]), [dead[0]!, dead[0]!]);
    expect(firstMs).toBeLessThan(1000);
    expect(laterMs).toBeLessThanOrEqual(100);
  });

  it("answers for any name of a zone that is silent in the time that a slow answer would take", async () => {
    const a = await upstream(onlyA);
    const tookMs = await silences(to([a.server]), [...dead, "n4.co.uk."]);
    expect(tookMs.filter((ms) => ms >= 1000)).toEqual([]);
    expect(tookMs[3]).toBeLessThanOrEqual(400);
  });

  it("gives each of two servers of a silent zone that time", async () => {
    const all = [await upstream(onlyA), await upstream(onlyA)];
    const tookMs = await silences(to(all.map(({ server }) => server)), [...dead, "n4.co.uk."]);
    expect(tookMs[3]).toBeLessThan(1000);
    const asked = all.map(({ udp }) => udp.map(({ questions }) => questions[0]!.name));
    expect(asked.map((names) => names.includes("n4.co.uk."))).toEqual([true, true]);
  });

  it.each([
    ["one silent name", dead.slice(0, 1), 50],
    ["a zone that is silent otherwise", dead, 200],
  ])("hears a name that is answered, beside %s", async (_, silentNames, afterMs) => {
    let after = (_ms: number, _call: () => void): void => {};
    const a = await upstream((query, send) => {
      onlyA(query, send);
      const { name, type } = query.questions[0]!;
      if (type === RrType.AAAA && name.startsWith("slow"))
        after(afterMs, () => send(replyTo(query, { rcode: Rcode.NXDOMAIN })));
    });
    const made = to([a.server]);
    const { resolver, clock } = made;
    after = (ms, call) => void clock.after(ms, call);
    // Its A is fast, so that little is usual.
    for (let time = 0; time < 20; time++) made.known.answered(serverKey("host", a.server), 1);
    await silences(made, silentNames);
    for (const name of [slowName, "slow2.co.uk.", slowName]) {
      const query = aaaa({ question: { name, type: RrType.AAAA, class: 1 } });
      const asked = resolver.resolve(query);
      await until(query, "chosen", clock);
      expect(await asked).toMatchObject({ rcode: Rcode.NXDOMAIN, origin: "upstream" });
      // The silent one is asked in between, as it was where it hid the others.
      await silences(made, silentNames.slice(0, 1));
    }
  });

  it("still relays what a server does answer to a silent name, and gives it its time from then on", async () => {
    const late: (() => void)[] = [];
    const a = await upstream((query, send) => {
      onlyA(query, send);
      if (query.questions[0]!.type === RrType.AAAA)
        late.push(() => send(replyTo(query, { rcode: Rcode.NXDOMAIN })));
    });
    const answer = () => {
      for (const each of late.splice(0)) each();
    };
    const memory = silenceMemory({ clock: fakeClock() });
    const { resolver, clock } = to([a.server], { silence: memory });
    const query = aaaa();
    const asked = resolver.resolve(query);
    await a.asked(1);
    await until(query, "silent", clock);
    await asked;
    // Merely slow: it comes while the query listens on.
    clock.advance(500);
    answer();
    const name = [serverKey("host", a.server), "www.example.org.", RrType.AAAA] as const;
    while (memory.of(...name) !== undefined) await settle();
    const again = aaaa();
    const slow = resolver.resolve(again);
    await a.asked(a.udp.length + 1);
    for (let step = 0; step < 120; step++) {
      clock.advance(10);
      await settle();
    }
    expect(again.trace.steps.map(({ decision }) => decision)).not.toContain("silent");
    answer();
    expect(await slow).toMatchObject({ rcode: Rcode.NXDOMAIN, origin: "upstream" });
  });

  it.each([
    ["a name", ["www.example.org."]],
    ["a zone", ["n1.example.org.", "n2.example.org.", "n3.example.org."]],
  ])(
    "hears that a server is no longer silent on %s, though another one answers meanwhile",
    async (_, names) => {
      const [a, b] = [await upstream(onlyA), await upstream(failing(Rcode.NXDOMAIN))];
      const clock = fakeClock();
      clocks.push(clock);
      const memory = silenceMemory({ clock });
      const { resolver } = to([a.server, b.server], { silence: memory, clock });
      const key = serverKey("host", a.server);
      for (const name of names) memory.silent(key, name, RrType.AAAA);
      for (let time = 0; time < 3; time++)
        expect(await resolver.resolve(aaaa())).toMatchObject({ upstream: label(b) });
      await a.asked(1);
      // Once in a while, and not by each.
      expect(typesOf(a)).toEqual([RrType.AAAA]);
      clock.advance(1000);
      a.script((query, send) => send(replyTo(query)));
      expect(await resolver.resolve(aaaa())).toMatchObject({ upstream: label(b) });
      while (memory.of(key, "www.example.org.", RrType.AAAA) !== undefined) await settle();
      expect(await resolver.resolve(aaaa())).toMatchObject({ rcode: Rcode.NOERROR, upstream: label(a) });
    },
  );

  it("takes no server for dead that lost one question for A and answered others", async () => {
    let isLost = true;
    const a = await upstream((query, send) => {
      if (query.questions[0]!.type === RrType.A && !isLost) answering("192.0.2.1")(query, send);
    });
    const { resolver, clock, stateOf } = to([a.server]);
    const query = aaaa();
    const failed = expect(resolver.resolve(query)).rejects.toThrow("timed out");
    await a.asked(1);
    clock.advance(300);
    while (!typesOf(a).includes(RrType.A)) await settle();
    isLost = false;
    expect(await resolver.resolve(aQuery())).toMatchObject({ upstream: label(a) });
    await until(query, "all failed", clock);
    await failed;
    clock.advance(3000);
    expect(stateOf(a.server)).toBe("up");
  });

  it("does not take a server that is slow with A, too, for silent", async () => {
    const a = await upstream(silent);
    const { resolver, clock } = to([a.server]);
    const query = aaaa();
    const failed = expect(resolver.resolve(query)).rejects.toThrow("timed out");
    await until(query, "all failed", clock);
    await failed;
    expect(query.trace.steps.map(({ decision }) => decision)).not.toContain("silent");
  });

  /** A server that takes so long for what it answers, by the clock of `run`, which goes on until the query is decided. */
  async function slowUpstream(takesMs: number, script: UdpScript, isAnswered: (type: number) => boolean) {
    const late: { readonly at: number; readonly send: () => void }[] = [];
    let now = (): number => 0;
    const server = await upstream((query, send) => {
      if (isAnswered(query.questions[0]!.type))
        late.push({ at: now() + takesMs, send: () => script(query, send) });
    });
    async function run(query: ReturnType<typeof aQuery>, clock: ReturnType<typeof fakeClock>): Promise<void> {
      now = clock.now;
      const isOver = () =>
        query.trace.steps.some(({ decision }) => ["chosen", "all failed", "silent"].includes(decision));
      for (let step = 0; step < 300 && !isOver(); step++) {
        clock.advance(10);
        await settle();
        for (const due of late.filter(({ at }) => at <= clock.now())) {
          late.splice(late.indexOf(due), 1);
          due.send();
        }
        await settle();
      }
    }
    return { ...server, run };
  }

  it("does so within a second also where A takes a third of one", async () => {
    const a = await slowUpstream(330, answering("192.0.2.1"), (type) => type === RrType.A);
    const { resolver, clock } = to([a.server]);
    const query = aaaa();
    const began = clock.now();
    const asked = resolver.resolve(query);
    await a.run(query, clock);
    expect(clock.now() - began).toBeLessThan(1000);
    expect(query.trace.steps.map(({ decision }) => decision)).toContain("silent");
    expect(await asked).toMatchObject({ rcode: Rcode.NOERROR, answers: [] });
  });

  it("does not call a server dead that takes a second and a half, for A too", async () => {
    const a = await slowUpstream(1550, failing(Rcode.NXDOMAIN), () => true);
    const { resolver, clock, stateOf } = to([a.server]);
    for (let i = 0; i < 3; i++) {
      const query = aaaa({ question: { name: `n${i}.example.org.`, type: RrType.AAAA, class: 1 } });
      const asked = resolver.resolve(query)!.catch((error: Error) => error.message);
      await a.run(query, clock);
      expect(await asked).toMatchObject({ rcode: Rcode.NXDOMAIN, origin: "upstream" });
      expect(stateOf(a.server)).toBe("up");
    }
  });

  it("asks another one first that does answer the type", async () => {
    const a = await upstream(onlyA);
    const b = await upstream(failing(Rcode.NXDOMAIN));
    const { resolver, clock, stateOf } = to([a.server, b.server], { policy: () => "ordered" });
    const query = aaaa();
    const asked = resolver.resolve(query);
    await a.asked(1);
    await until(query, "chosen", clock);
    expect(await asked).toMatchObject({ upstream: label(b) });
    clock.advance(1500);
    while (!typesOf(a).includes(RrType.A)) await settle();
    for (let turn = 0; turn < 20; turn++) await settle();
    expect(await resolver.resolve(aaaa())).toMatchObject({ upstream: label(b) });
    expect(stateOf(a.server)).toBe("up");
    expect(await resolver.resolve(aQuery())).toMatchObject({ upstream: label(a) });
  });
});
