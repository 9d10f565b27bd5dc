import { beforeEach, describe, expect, test } from "vitest";
import type { Clock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import type { Change, Container } from "../registry/model.ts";
import { type EngineClient, NoAnswer } from "./docker-client.ts";
import type { EngineEvent } from "./docker-events.ts";
import { EngineRefusal } from "./docker-http.ts";
import { createKnown, type Known } from "./docker-known.ts";
import { createMirror, type Mirror } from "./docker-mirror.ts";
import type { Processes } from "./docker-process.ts";
import {
  type EngineContainer,
  type EngineNetwork,
  engineContainer,
  engineService,
  engineTask,
} from "./docker-schema.ts";
import type { Swarm } from "./docker-swarm.ts";

const [A, B] = ["a".repeat(64), "b".repeat(64)] as const;

function inspected(id: string, ipv4: string, changes: Record<string, unknown> = {}): EngineContainer {
  return engineContainer.parse({
    Id: id,
    Name: `/${id.slice(0, 1)}`,
    State: { Running: ipv4 !== "", Pid: ipv4 === "" ? 0 : 7, StartedAt: "2026-01-01T00:00:00Z" },
    Config: { Hostname: "" },
    HostConfig: { NetworkMode: "shop" },
    NetworkSettings: { SandboxKey: "", Networks: { shop: { IPAddress: ipv4, Aliases: ["svc"] } } },
    ...changes,
  });
}

/** `svc` at a virtual address, with one task on another machine. */
const SWARM: Swarm = {
  services: [
    engineService.parse({
      ID: "s",
      Spec: { Name: "svc" },
      Endpoint: { VirtualIPs: [{ NetworkID: "n", Addr: "10.0.1.2/24" }] },
    }),
  ],
  tasks: [
    engineTask.parse({
      ID: "t",
      ServiceID: "s",
      Status: { State: "running" },
      Spec: {},
      NetworksAttachments: [{ Network: { ID: "n" }, Addresses: ["10.0.1.3/24"] }],
    }),
  ],
};

/** An engine that answers when it is told to. */
class FakeEngine implements EngineClient {
  readonly version = "1";
  readonly api = "1";
  readonly ended = new Promise<Error>(() => {});
  readonly known = new Map<string, EngineContainer>();
  nets: EngineNetwork[] = [{ Id: "n", Name: "shop", Driver: "bridge", Internal: false, Ingress: false }];
  /** Inspects that wait, with what they saw; none are kept waiting while this is undefined. */
  waiting: { id: string; answer(with_?: Error): void }[] | undefined;
  asked: string[] = [];
  containerIds = async () => [...this.known.keys()];
  networks = async () => this.nets;
  swarm = async (): Promise<Swarm | undefined> => undefined;
  members = async () => ({
    Containers: {
      [A]: { Name: "a", IPv4Address: "10.0.0.9/16", IPv6Address: "" },
      [B]: { Name: "b", IPv4Address: "10.0.0.8/16", IPv6Address: "" },
    },
  });
  close() {}
  inspect(id: string): Promise<EngineContainer | undefined> {
    this.asked.push(id);
    const seen = this.known.get(id);
    if (this.waiting === undefined) return Promise.resolve(seen);
    return new Promise((resolve, reject) => {
      this.waiting!.push({ id, answer: (error) => (error === undefined ? resolve(seen) : reject(error)) });
    });
  }
  /** Lets the oldest inspect that waits have its answer. */
  async answer(error?: Error): Promise<void> {
    this.waiting!.shift()!.answer(error);
    await idle();
  }
}

const idle = () => new Promise((resolve) => setImmediate(resolve));

function event(id: string, rest: Partial<Extract<EngineEvent, { kind: "container" }>> = {}): EngineEvent {
  return { kind: "container", id, cause: `event ${id.slice(0, 1)}`, ...rest };
}

describe("a mirror", () => {
  let engine: FakeEngine;
  let mirror: Mirror;
  let known: Known;
  let told: Map<string, Container>;
  let causes: string[];
  let doubts: string[];
  let timers: (() => void)[];

  function apply(change: Change): void {
    causes.push(change.cause);
    if (change.kind === "put") told.set(change.container.key, change.container);
    else if (change.kind === "remove") told.delete(change.key);
    else told = new Map(change.snapshot.containers.map((one) => [one.key, one]));
  }

  const addressOf = (id: string) => told.get(`docker:x/${id}`)?.endpoints[0]?.ipv4;

  beforeEach(async () => {
    [told, causes, doubts, timers] = [new Map(), [], [], []];
    engine = new FakeEngine();
    const clock: Clock = {
      wall: () => 0,
      now: () => 0,
      after(_, call) {
        timers.push(call);
        return () => {};
      },
    };
    const processes: Processes = {
      identify: (pid) => ({ pid, startTime: "1" }),
      isAlive: () => true,
      isGone: () => false,
      isNamespace: () => false,
      isInHosts: () => false,
    };
    const onDoubt = (reason: string) => doubts.push(reason);
    known = createKnown({ source: "docker:x", apply, processes });
    mirror = createMirror({ source: "docker:x", known, clock, log: silentLog, onDoubt });
    engine.known.set(A, inspected(A, "10.0.0.1"));
    mirror.follow(engine);
    await mirror.sync("sync");
    causes = [];
  });

  test("tells nothing before the first list is whole, and then what events spoke of meanwhile", async () => {
    const fresh = createMirror({
      source: "docker:x",
      known,
      clock: { wall: () => 0, now: () => 0, after: () => () => {} },
      log: silentLog,
      onDoubt: () => {},
    });
    known.learn(new Map([[A, undefined]]));
    told.clear();
    engine.known.set(B, inspected(B, "10.0.0.2"));
    engine.waiting = [];
    fresh.follow(engine);
    const syncing = fresh.sync("sync");
    await idle();
    engine.known.set(A, inspected(A, "10.0.0.3"));
    fresh.take(event(A));
    await engine.answer();
    expect(causes).toEqual([]);
    await engine.answer();
    await syncing;
    await engine.answer();
    expect([causes, addressOf(A), addressOf(B)]).toEqual([["sync", "event a"], "10.0.0.3", "10.0.0.2"]);
  });

  test("looks once more, and once only, for all events that come while it looks", async () => {
    engine.waiting = [];
    engine.asked = [];
    for (let count = 0; count < 5; count++) mirror.take(event(A));
    expect(engine.asked).toEqual([A]);
    engine.known.set(A, inspected(A, "10.0.0.2"));
    await engine.answer();
    expect([engine.asked, addressOf(A)]).toEqual([[A, A], "10.0.0.1"]);
    await engine.answer();
    expect([engine.asked, addressOf(A), engine.waiting]).toEqual([[A, A], "10.0.0.2", []]);
  });

  test("lets no list undo what an event told since the list was asked for", async () => {
    engine.waiting = [];
    const syncing = mirror.sync("sync");
    await idle();
    engine.known.set(A, inspected(A, "10.0.0.2"));
    engine.known.set(B, inspected(B, "10.0.0.3"));
    mirror.take(event(A));
    mirror.take(event(B));
    const [old, ...fresh] = engine.waiting;
    for (const { answer } of fresh) answer();
    await idle();
    expect([addressOf(A), addressOf(B)]).toEqual(["10.0.0.2", "10.0.0.3"]);
    old!.answer();
    await syncing;
    expect([addressOf(A), addressOf(B)]).toEqual(["10.0.0.2", "10.0.0.3"]);
  });

  test("lets no look that began before a list bring back what the list saw gone", async () => {
    engine.waiting = [];
    mirror.take(event(A));
    engine.known.set(A, inspected(A, "10.0.0.2"));
    const syncing = mirror.sync("sync");
    await idle();
    const [look, list] = engine.waiting.splice(0);
    list!.answer();
    await syncing;
    // The list leaves alone what is being looked at, so there is no newer address for the older look to undo.
    expect(addressOf(A)).toBe("10.0.0.1");
    mirror.take(event(A));
    look!.answer();
    await idle();
    await engine.answer();
    expect(addressOf(A)).toBe("10.0.0.2");
  });

  test("takes the addresses at a death, whatever an inspect from before it says", async () => {
    engine.waiting = [];
    mirror.take(event(A));
    mirror.take(event(A, { diedAt: Date.UTC(2026, 1) }));
    expect([addressOf(A), causes]).toEqual([undefined, ["event a"]]);
    await engine.answer();
    expect(addressOf(A)).toBeUndefined();
    engine.known.set(A, inspected(A, "10.0.0.2"));
    await engine.answer();
    engine.waiting = undefined;
    mirror.take(event(A));
    await idle();
    expect(addressOf(A)).toBe("10.0.0.2");
  });

  test("does not take a death for one of this life that was of an earlier", () => {
    mirror.take(event(A, { diedAt: Date.UTC(2025, 1) }));
    expect(addressOf(A)).toBe("10.0.0.1");
  });

  test("has the address of one that is being started from its network, until the inspect comes", async () => {
    engine.known.set(A, inspected(A, ""));
    await mirror.sync("sync");
    engine.waiting = [];
    mirror.take(event(A, { joins: "n" }));
    await idle();
    expect(addressOf(A)).toBe("10.0.0.9");
    // It could not be started after all.
    await engine.answer();
    expect(addressOf(A)).toBeUndefined();
  });

  test("has the address of one that is started as soon as it is made, whose first inspect is still on its way", async () => {
    engine.known.set(B, inspected(B, ""));
    engine.waiting = [];
    mirror.take(event(B));
    mirror.take(event(B, { joins: "n" }));
    await engine.answer();
    await idle();
    expect(addressOf(B)).toBe("10.0.0.8");
  });

  test("has the name and address of one whose first inspect waits until it runs, then the aliases", async () => {
    engine.known.set(B, inspected(B, "10.0.0.8"));
    engine.waiting = [];
    timers = [];
    mirror.take(event(B));
    mirror.take(event(B, { joins: "n" }));
    for (const timer of timers) timer();
    await idle();
    const b = () => told.get(`docker:x/${B}`);
    expect([b()?.name, addressOf(B), b()?.endpoints[0]?.aliases]).toEqual(["b", "10.0.0.8", []]);
    await engine.answer();
    expect([addressOf(B), b()?.endpoints[0]?.aliases]).toEqual(["10.0.0.8", ["svc"]]);
  });

  test("learns a network before the first container on it is told", async () => {
    engine.nets = [
      ...engine.nets,
      { Id: "i", Name: "new", Driver: "bridge", Internal: true, Ingress: false },
    ];
    const NetworkSettings = { SandboxKey: "", Networks: { new: { IPAddress: "10.1.0.1" } } };
    engine.known.set(B, inspected(B, "10.1.0.1", { NetworkSettings }));
    mirror.take(event(B));
    await idle();
    await idle();
    expect(causes).toEqual(["docker: a network is new", "event b"]);
  });

  test("is in doubt after an event that says nothing, and after an inspect that failed", async () => {
    mirror.take({ kind: "all", cause: "what?" });
    engine.waiting = [];
    mirror.take(event(A));
    await engine.answer(new Error("no such thing"));
    expect(doubts).toEqual(["what?", "event a: no such thing"]);
    expect(addressOf(A)).toBe("10.0.0.1");
  });

  test("keeps what it knows of one container that can't be inspected, and lists the others", async () => {
    engine.known.set(B, inspected(B, "10.0.0.2"));
    engine.waiting = [];
    const syncing = mirror.sync("sync");
    await idle();
    engine.known.set(A, inspected(A, "10.0.0.7"));
    await engine.answer(new NoAnswer("no answer"));
    await engine.answer();
    await syncing;
    expect([addressOf(A), addressOf(B), doubts]).toEqual([
      "10.0.0.1",
      "10.0.0.2",
      ["cannot inspect a: no answer"],
    ]);
  });

  test("changes nothing after a list that could not be had", async () => {
    engine.known.clear();
    engine.networks = () => Promise.reject(new Error("gone"));
    await expect(mirror.sync("sync")).rejects.toThrow("gone");
    expect(addressOf(A)).toBe("10.0.0.1");
  });

  test("counts as repaired what no event told, before the list or soon after", async () => {
    engine.known.set(A, inspected(A, "10.0.0.2"));
    await mirror.sync("sync");
    engine.known.set(B, inspected(B, "10.0.0.3"));
    await mirror.sync("sync");
    mirror.take(event(B));
    await idle();
    for (const timer of timers) timer();
    expect([mirror.repairs, addressOf(A), addressOf(B)]).toEqual([1, "10.0.0.2", "10.0.0.3"]);
  });

  test("hears nobody whom it does not follow any more", async () => {
    engine.waiting = [];
    mirror.take(event(A));
    mirror.follow(undefined);
    engine.known.delete(A);
    await engine.answer();
    mirror.take(event(A));
    expect([engine.waiting, addressOf(A)]).toEqual([[], "10.0.0.1"]);
  });

  test("tells those who share a sandbox with the one that has changed", async () => {
    const HostConfig = { NetworkMode: `container:${A}` };
    engine.known.set(B, inspected(B, "", { HostConfig, State: engine.known.get(A)!.State }));
    await mirror.sync("sync");
    expect(told.get(`docker:x/${B}`)).toMatchObject({ endpoints: [{ ipv4: "10.0.0.1", nameless: true }] });
    engine.known.set(A, inspected(A, "10.0.0.2"));
    mirror.take(event(A));
    await idle();
    expect(addressOf(B)).toBe("10.0.0.2");
  });

  describe("beside a swarm", () => {
    const service = () => told.get("docker:x/service/s")?.endpoints[0]?.ipv4;

    beforeEach(async () => {
      engine.swarm = async () => SWARM;
      await mirror.sync("sync");
      causes = [];
    });

    test("keeps what a manager told that can't tell now, and lists the containers", async () => {
      engine.swarm = () => Promise.reject(new EngineRefusal(500, "The swarm does not have a leader"));
      engine.known.set(A, inspected(A, "10.0.0.2"));
      await mirror.sync("sync");
      expect([service(), addressOf(A), doubts]).toEqual(["10.0.1.2", "10.0.0.2", []]);
    });

    test("drops what was told of a swarm that the engine has left", async () => {
      engine.swarm = async () => undefined;
      await mirror.sync("sync");
      expect([service(), addressOf(A)]).toEqual([undefined, "10.0.0.1"]);
    });

    test("does not wait for one that hangs, and tells what it says at last", async () => {
      let answer: (swarm: Swarm | undefined) => void = () => {};
      engine.swarm = () =>
        new Promise((resolve) => {
          answer = resolve;
        });
      engine.known.set(A, inspected(A, "10.0.0.2"));
      timers = [];
      const syncing = mirror.sync("sync");
      for (const timer of timers) timer();
      await syncing;
      expect([service(), addressOf(A), causes]).toEqual(["10.0.1.2", "10.0.0.2", ["sync"]]);
      answer(undefined);
      await idle();
      expect([service(), causes]).toEqual([undefined, ["sync", "docker: the swarm answered late"]]);
    });
  });
});
