import { describe, expect, it } from "vitest";
import { formatServer } from "../base/server-address.ts";
import { Rcode, RrClass, RrType } from "../wire/iana.ts";
import type { Message } from "../wire/message.ts";
import { hostDialer } from "./dialer.ts";
import type { ExchangeCall } from "./exchange.ts";
import { fakeClock } from "./fake-clock.suite.ts";
import { loops } from "./loops.ts";
import { aQuery } from "./query.suite.ts";

const server = { address: "10.0.0.1", port: 53 };
const settle = () => new Promise((done) => setImmediate(done));

function start(isOurs = false) {
  const clock = fakeClock();
  const found: string[] = [];
  const tests = loops({ clock, isOurs: () => isOurs, onFound: (_, each) => found.push(formatServer(each)) });
  const asked: ExchangeCall[] = [];
  /** A server that asks us what it is asked, in capitals. */
  const back = async (call: ExchangeCall): Promise<Message> => {
    asked.push(call);
    const question = { ...call.question, name: call.question.name.toUpperCase() };
    expect(await tests.resolver.resolve(aQuery({ question }))).toMatchObject({ rcode: Rcode.NXDOMAIN });
    return undefined as never;
  };
  const away = async (call: ExchangeCall): Promise<Message> => {
    asked.push(call);
    return undefined as never;
  };
  const check = (ask: typeof away) => tests.check({ server, dialer: hostDialer }, ask);
  return { ...tests, clock, found, asked, back, away, check };
}

describe("loops", () => {
  it("finds a server that asks us what we ask it", async () => {
    const { check, back, isLoop, found, asked } = start();
    expect(isLoop("host", server)).toBe(false);
    check(back);
    await settle();
    expect(isLoop("host", server)).toBe(true);
    expect(isLoop("web", server)).toBe(false);
    expect(found).toEqual(["10.0.0.1:53"]);
    expect(asked).toHaveLength(1);
    expect(asked[0]!.question.name).toMatch(/^[0-9a-f]{32}\.loop-test\.eleven\.$/);
  });

  it("lets all other servers be, and all other questions pass", async () => {
    const { check, away, isLoop, found, resolver, clock } = start();
    check(away);
    const question = { name: `${"0".repeat(32)}.loop-test.eleven.`, type: RrType.A, class: RrClass.IN };
    expect(await resolver.resolve(aQuery({ question }))).toBeUndefined();
    await settle();
    expect(isLoop("host", server)).toBe(false);
    expect(found).toEqual([]);
    expect(clock.waiting).toBe(0);
  });

  it("tests each server once in ten minutes, and one that leads back twice a minute until it is mended", async () => {
    const { check, back, away, isLoop, found, asked, clock } = start();
    check(away);
    check(away);
    await settle();
    clock.advance(599_999);
    check(away);
    expect(asked).toHaveLength(1);
    clock.advance(1);
    check(back);
    await settle();
    expect([isLoop("host", server), asked.length]).toEqual([true, 2]);
    clock.advance(30_000);
    check(back);
    await settle();
    expect([isLoop("host", server), asked.length]).toEqual([true, 3]);
    expect(found).toHaveLength(1);
    clock.advance(30_000);
    check(away);
    await settle();
    expect(isLoop("host", server)).toBe(false);
  });

  it("knows our own listeners without asking", () => {
    const { check, away, isLoop, found, asked } = start(true);
    check(away);
    expect(isLoop("host", server)).toBe(true);
    expect(found).toHaveLength(1);
    expect(asked).toEqual([]);
  });
});
