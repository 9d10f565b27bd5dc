import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Signal } from "../base/on-abort.ts";
import { fakeClock } from "./fake-clock.suite.ts";
import { type Lane, type RaceOptions, race, WON } from "./race.ts";

interface Runner extends Lane {
  readonly name: string;
  isDown: boolean;
}

function runner(name: string, part: Partial<Runner> = {}): Runner {
  const fresh = {
    patienceMs: 100,
    overdueMs: 300,
    isDown: false,
    isSpare: false,
    maxSends: 3,
    sends: 0,
    late: false,
    out: false,
  };
  return { name, ...fresh, ...part };
}

/** A race by hand: what was asked when, and the means to answer. */
function start(
  lanes: readonly Runner[],
  {
    budgetMs = 4000,
    downBudgetMs = 500,
    spare = () => true,
    onLate = () => {},
  }: Partial<Pick<RaceOptions<Runner, string>, "budgetMs" | "downBudgetMs" | "spare" | "onLate">> = {},
) {
  const clock = fakeClock();
  const client = new AbortController();
  const asked: { name: string; at: number; signal: Signal; say(value: string | undefined): void }[] = [];
  const ended = race<Runner, string>({
    lanes,
    ask: ({ name }, signal) => new Promise((say) => asked.push({ name, at: clock.now(), signal, say })),
    onLate,
    spare,
    clock,
    budgetMs,
    downBudgetMs,
    isDown: (lane) => lane.isDown,
    signal: client.signal,
  });
  const sends = () => asked.map(({ name, at }) => `${name}@${at}`).join(" ");
  return { clock, client, asked, ended, sends };
}

/** Lets promises that are settled run their reactions. */
const settle = () => new Promise((done) => setImmediate(done));

describe("race", () => {
  it("asks only the first while it has its time", async () => {
    const { clock, asked, ended, sends } = start([runner("a"), runner("b")]);
    clock.advance(99);
    asked[0]!.say("yes");
    expect((await ended)?.value).toBe("yes");
    expect(sends()).toBe("a@0");
    expect(clock.waiting).toBe(0);
  });

  it("asks the next when the first is late, and lets the first still win", async () => {
    const lanes = [runner("a"), runner("b")];
    const { clock, asked, ended, sends } = start(lanes);
    clock.advance(100);
    expect(sends()).toBe("a@0 b@100");
    asked[0]!.say("slow");
    expect(await ended).toEqual({ lane: lanes[0], value: "slow" });
    expect(asked[1]!.signal.aborted).toBe(true);
    expect(lanes.map(({ late }) => late)).toEqual([true, false]);
  });

  it("tells how long it waited for a late one, which doubles with each send and ends when it is overdue", () => {
    const waits: number[] = [];
    const { clock } = start([runner("a", { maxSends: 4 })], {
      onLate: (_, waitedMs) => waits.push(waitedMs),
    });
    clock.advance(600);
    expect(waits).toEqual([100, 200, 300]);
  });

  it("asks the next at once when one is out", async () => {
    const { asked, sends, ended } = start([runner("a"), runner("b"), runner("c")]);
    asked[0]!.say(undefined);
    await settle();
    asked[1]!.say(undefined);
    await settle();
    expect(sends()).toBe("a@0 b@0 c@0");
    asked[2]!.say(undefined);
    expect(await ended).toBeUndefined();
  });

  it("does not hurry the latest because an earlier one is out", async () => {
    const { clock, asked, sends } = start([runner("a"), runner("b"), runner("c")]);
    clock.advance(150);
    asked[0]!.say(undefined);
    await settle();
    expect(sends()).toBe("a@0 b@100");
  });

  it("goes round again with doubled patience up to overdue, as often as may be, and ends with the budget", async () => {
    const lanes = [runner("a"), runner("b", { patienceMs: 200 })];
    const { clock, ended, sends } = start(lanes);
    clock.advance(3999);
    expect(sends()).toBe("a@0 b@100 a@300 b@500 a@800 b@1100");
    clock.advance(1);
    expect(await ended).toBeUndefined();
    expect(clock.waiting).toBe(0);
  });

  it("asks a single one once more", () => {
    const { clock, sends } = start([runner("a", { patienceMs: 400, overdueMs: 700 })]);
    clock.advance(4000);
    expect(sends()).toBe("a@0 a@400 a@1100");
  });

  it("waits until one is overdue where it may not ask the next beside it", () => {
    const lanes = [runner("a"), runner("b"), runner("c")];
    const { clock, sends } = start(lanes, { spare: () => false });
    clock.advance(899);
    expect(sends()).toBe("a@0 b@300 c@600");
    expect(lanes.map(({ late }) => late)).toEqual([true, true, true]);
  });

  it("spends no leave to ask the next when there is nobody left to ask", () => {
    let spent = 0;
    const spare = () => spent++ < 100;
    const { clock } = start([runner("a", { maxSends: 1 }), runner("b", { maxSends: 1 })], { spare });
    clock.advance(4000);
    expect(spent).toBe(1);
  });

  it("asks a spare one when the others have had two chances", () => {
    const { clock, sends } = start([runner("spare", { isSpare: true }), runner("a")]);
    clock.advance(699);
    expect(sends()).toBe("a@0 a@100 spare@300 a@400");
  });

  it("waits for those that are down only a while, from when on no other is left", async () => {
    const all = start([runner("down", { isDown: true, isSpare: true }), runner("a")]);
    all.clock.advance(700);
    all.asked.find(({ name }) => name === "a")!.say(undefined);
    await settle();
    all.clock.advance(499);
    expect(all.asked.at(-1)!.signal.aborted).toBe(false);
    all.clock.advance(1);
    expect(await all.ended).toBeUndefined();
    expect(all.clock.waiting).toBe(0);
    const none = start([runner("down", { isDown: true })]);
    none.clock.advance(500);
    expect(await none.ended).toBeUndefined();
  });

  it("waits on for one that was down, and turns out to be alive meanwhile", async () => {
    const down = runner("down", { isDown: true });
    const { clock, asked, ended } = start([down]);
    clock.advance(400);
    down.isDown = false;
    clock.advance(300);
    asked[0]!.say("yes");
    expect((await ended)?.value).toBe("yes");
    expect(clock.waiting).toBe(0);
  });

  it("tells the others why they are aborted", async () => {
    const won = start([runner("a"), runner("b")]);
    won.clock.advance(100);
    won.asked[1]!.say("yes");
    await won.ended;
    expect(won.asked[0]!.signal.reason).toBe(WON);
    const left = start([runner("a")]);
    left.client.abort("gone");
    expect(left.asked[0]!.signal.reason).toBe("gone");
  });

  it("ends when the client gives up, and aborts whoever was asked", async () => {
    const { clock, client, asked, ended } = start([runner("a"), runner("b")]);
    clock.advance(100);
    client.abort();
    expect(await ended).toBeUndefined();
    expect(asked.map(({ signal }) => signal.aborted)).toEqual([true, true]);
    expect(clock.waiting).toBe(0);
  });

  it("fails with what a lane throws, since that is a bug", async () => {
    const bug = new TypeError("bug");
    const clock = fakeClock();
    const ended = race({
      lanes: [runner("a")],
      ask: () => Promise.reject(bug),
      onLate: () => {},
      spare: () => true,
      clock,
      budgetMs: 1,
      downBudgetMs: 1,
      isDown: () => false,
      signal: new AbortController().signal,
    });
    await expect(ended).rejects.toBe(bug);
  });

  it("asks nobody more often than allowed, whatever happens, and leaves no timer behind", async () => {
    const event = fc.oneof(
      fc.record({ pass: fc.integer({ min: 1, max: 1500 }) }),
      fc.record({ say: fc.integer({ min: 0, max: 8 }) }),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 4 }),
        fc.array(event, { maxLength: 20 }),
        async (count, events) => {
          const lanes = Array.from({ length: count }, (_, index) => runner(`${index}`));
          const { clock, asked, ended } = start(lanes);
          // Whoever has said that it will not answer needs no telling that the race is over.
          const said = new Set<unknown>();
          for (const each of events) {
            if ("pass" in each) clock.advance(each.pass);
            else {
              asked[each.say]?.say(undefined);
              said.add(asked[each.say]);
            }
            await settle();
          }
          clock.advance(4000);
          expect(await ended).toBeUndefined();
          for (const { sends } of lanes) expect(sends).toBeLessThanOrEqual(3);
          expect(clock.waiting).toBe(0);
          expect(asked.every((each) => said.has(each) || each.signal.aborted)).toBe(true);
        },
      ),
    );
  });
});
