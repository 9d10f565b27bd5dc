import { describe, expect, test } from "vitest";
import type { WatchEvent, WatchRequest } from "../api/control.ts";
import type { Shown } from "../dataplane/data-plane.ts";
import { container, endpoint, registryOf } from "../registry/fixture.suite.ts";
import { answer, authoritative } from "../resolver/reply.ts";
import type { Answer } from "../resolver/resolver.ts";
import { composeMessage } from "../wire/compose.ts";
import { extendedErrorOption } from "../wire/edns.ts";
import { EdeCode, Rcode, RrClass, RrType } from "../wire/iana.ts";
import type { Message, ResourceRecord } from "../wire/message.ts";
import { SHOWN_PER_SECOND, watching } from "./watching.ts";

const record: ResourceRecord = {
  name: "web.",
  type: RrType.A,
  class: RrClass.IN,
  ttl: 5,
  data: { kind: "A", address: "10.5.0.2" },
};
const message: Message = {
  header: {
    id: 1,
    qr: true,
    opcode: 0,
    aa: true,
    tc: false,
    rd: true,
    ra: true,
    ad: false,
    cd: false,
    rcode: 0,
  },
  questions: [{ name: "web.", type: RrType.A, class: RrClass.IN }],
  answers: [record],
  authority: [],
  additional: [],
};
const octets = composeMessage(message);

/** A daemon's worth of onlookers: time and the data plane are the test's. */
function world() {
  let now = 0;
  let timer: (() => void) | undefined;
  let shown: ((shown: Shown) => void) | undefined;
  const registry = registryOf([
    container("web-1", [endpoint("shop", { ipv4: "10.5.0.2" })], { id: "8c5f0e12ab34" }),
    container("db", [endpoint("shop", { ipv4: "10.5.0.3" })]),
  ]);
  const { observe, watch } = watching({
    registry,
    clock: {
      wall: () => 0,
      now: () => now,
      after(_, call) {
        timer = call;
        return () => {
          timer = undefined;
        };
      },
    },
    plane: () => ({
      watch(watcher) {
        shown = watcher;
        return () => {
          shown = undefined;
        };
      },
    }),
  });
  return {
    watch(request: WatchRequest = {}) {
      const events: WatchEvent[] = [];
      return { events, stop: watch(request, (event) => events.push(event)) };
    },
    observe(sandbox: string | undefined, name = "web.", said: Answer = authoritative([record]), ms = 1) {
      const question = { name, type: RrType.A, class: RrClass.IN };
      observe({ client: { sandbox, transport: "udp" }, question, answer: said, ms });
    },
    get shown() {
      return shown;
    },
    hit: (skipped = 0, said = octets) =>
      shown?.({ sandbox: "test/web-1", origin: "registry", octets: said, skipped }),
    turn(ms: number) {
      now += ms;
    },
    fire: () => timer?.(),
  };
}

describe("watching", () => {
  test("shows what the pipeline answered, and what the data plane did by itself", () => {
    const { watch, observe, hit } = world();
    const { events } = watch();
    observe("test/web-1", "web.", authoritative([record]), 0.1234);
    hit();
    const told = {
      at: "1970-01-01T00:00:00.000Z",
      container: "web-1",
      transport: "udp",
      question: { name: "web.", type: "A" },
      rcode: "NOERROR",
      answers: [{ name: "web.", type: "A", ttl: 5, data: "10.5.0.2" }],
      ede: [],
      origin: "registry",
      upstream: null,
      slow: false,
    };
    expect(events).toEqual([
      { ...told, ms: 0.123 },
      { ...told, ms: 0 },
    ]);
  });

  test("shows the explanation in an answer of the data plane's, where the client could read it", () => {
    const { watch, hit } = world();
    const { events } = watch();
    const ede = { code: EdeCode.BLOCKED, text: "ads" };
    const edns = { udpPayloadSize: 1232, version: 0, do: false, options: [extendedErrorOption(ede)] };
    hit(0, composeMessage({ ...message, edns }));
    expect(events).toMatchObject([{ ede: [ede] }]);
  });

  test("the data plane shows its answers only while somebody looks on", () => {
    const there = world();
    expect(there.shown).toBeUndefined();
    const [one, other] = [there.watch(), there.watch()];
    one.stop();
    expect(there.shown).toBeDefined();
    other.stop();
    expect(there.shown).toBeUndefined();
  });

  test.each<[WatchRequest, string[]]>([
    [{ container: "web-1" }, ["web.", "gone."]],
    [{ container: "8c5f0e12ab34" }, ["web.", "gone."]],
    [{ name: "*e*" }, ["web.", "gone."]],
    [{ name: "d?" }, ["db."]],
    [{ type: "aaaa" }, []],
    [{ rcode: "nxdomain" }, ["gone."]],
    [{ slow: 100 }, ["db."]],
    [{ container: "web-1", slow: 100 }, []],
  ])("%j shows %j", (request, names) => {
    const { watch, observe } = world();
    const { events } = watch(request);
    observe("test/web-1", "web.");
    observe(undefined, "db.", authoritative([]), 100);
    observe("test/web-1", "gone.", answer("upstream", { rcode: Rcode.NXDOMAIN }));
    expect(events.map((event) => "question" in event && event.question.name)).toEqual(names);
  });

  test("refuses what can't be", () => {
    const { watch } = world();
    expect(() => watch({ container: "ghost" })).toThrow(/ghost/);
    expect(() => watch({ type: "AA" })).toThrow(/no such type/);
    expect(() => watch({ rcode: "NO" })).toThrow(/no such rcode/);
  });

  test("beyond its rate it says how many it did not show", () => {
    const { watch, observe, turn } = world();
    const { events } = watch();
    for (let i = 0; i < SHOWN_PER_SECOND + 7; i++) observe(undefined);
    expect(events).toHaveLength(SHOWN_PER_SECOND);
    turn(1000);
    observe(undefined);
    expect(events.slice(SHOWN_PER_SECOND)).toMatchObject([{ skipped: 7 }, { question: {} }]);
  });

  test("it says so soon, also when nothing more comes", () => {
    const { watch, hit, fire } = world();
    const { events } = watch({ container: "db" });
    hit(3);
    hit(4);
    expect(events).toEqual([]);
    fire();
    fire();
    expect(events).toEqual([{ skipped: 7 }]);
  });
});
