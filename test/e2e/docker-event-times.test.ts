import { request } from "node:http";
import { setPriority } from "node:os";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../../src/base/clock.ts";
import { createRegistry } from "../../src/registry/registry.ts";
import { lines } from "../../src/sources/docker-events.ts";
import type { Source } from "../../src/sources/source.ts";
import { sourceInto } from "../support/docker-source.ts";
import { type Engine, engineMissing, startEngine } from "../support/engine.ts";
import { settled } from "../support/engine-records.ts";

/** `ELEVEN_EVENT_ROUNDS=100` gives percentiles that say something. */
const ROUNDS = Number(process.env.ELEVEN_EVENT_ROUNDS ?? 10);
const BOUND_MS = 50;
/** A machine with two processors is busy now and then with what the engine does at the same time. */
const OUTLIERS = Math.ceil(ROUNDS / 10);
const NAME = "docker:test";
/** Before all others, as nice has it: the source is in this process, and shares two processors with the engine. */
const FIRST = -20;

interface EngineEvent {
  readonly Type: string;
  readonly Action: string;
  readonly timeNano: number;
}

/** What is done, and for each event that the engine tells of it then, what the registry has to hold. */
interface Step {
  readonly what: string;
  readonly act: () => Promise<unknown>;
  readonly events: Readonly<Record<string, () => boolean>>;
}

const reason = engineMissing();

describe.skipIf(reason)(`events of an engine${reason === undefined ? "" : ` (${reason})`}`, () => {
  let engine: Engine;
  let source: Source;
  const registry = createRegistry({ clock: systemClock, host: "h" });
  const told: EngineEvent[] = [];
  let onTold: () => void = () => {};

  beforeAll(async () => {
    engine = await startEngine();
    // Only now, so that the engine does not inherit it.
    setPriority(FIRST);
    for (const network of ["shop", "back"]) await docker("network", "create", network);
    registry.expect(NAME);
    source = sourceInto(registry, { url: engine.host, name: NAME });
    await source.start();
    await listen();
  });

  afterAll(async () => {
    setPriority(0);
    await source?.stop();
    await engine?.destroy();
  });

  const docker = (...args: string[]) => engine.docker(...args);

  function has(name: string, network = "shop"): boolean {
    const records = registry.records({ name, network });
    return records.some(({ addresses }) => addresses.length > 0);
  }

  const isKnown = (name: string) => registry.records({ name, network: "shop" }).length > 0;
  const hasProcess = (name: string) => registry.findContainer(name)?.netns !== undefined;
  const create = (command: string) => [...command.split(" "), "--network=shop", "--network-alias=svc"];

  const ends = { "container die": () => !has("svc") && !hasProcess("two") };
  const life: readonly Step[] = [
    {
      what: "create",
      act: () => docker(...create("create --name=one"), "bb:1"),
      events: { "container create": () => isKnown("one") && isKnown("svc") },
    },
    {
      what: "start",
      act: () => docker("start", "one"),
      events: {
        "network connect": () => has("one") && has("svc"),
        "container start": () => hasProcess("one"),
      },
    },
    {
      what: "network connect",
      act: () => docker("network", "connect", "--alias=other", "back", "one"),
      events: { "network connect": () => has("one", "back") && has("other", "back") },
    },
    {
      what: "rename",
      act: () => docker("rename", "one", "two"),
      events: { "container rename": () => has("two") && !has("one") && has("two", "back") },
    },
    {
      what: "network disconnect",
      act: () => docker("network", "disconnect", "back", "two"),
      events: { "network disconnect": () => !has("two", "back") && !has("other", "back") },
    },
    { what: "kill", act: () => docker("kill", "two"), events: ends },
    {
      what: "start again",
      act: () => docker("start", "two"),
      events: { "network connect": () => has("two"), "container start": () => hasProcess("two") },
    },
    { what: "stop", act: () => docker("stop", "two"), events: ends },
    { what: "start once more", act: () => docker("start", "two"), events: {} },
    {
      what: "process ends",
      act: async () => process.kill(await engine.pidOf("two"), "SIGKILL"),
      events: ends,
    },
    {
      what: "rm",
      act: () => docker("rm", "two"),
      events: { "container destroy": () => registry.findContainer("two") === undefined },
    },
    {
      // Aliases are left out. While the engine starts a container it tells them to nobody, and with `docker run` the
      // inspect after `create` comes too late now and then.
      what: "run",
      act: () => docker(...create("run --detach --name=two"), "bb:1"),
      events: { "network connect": () => has("two") },
    },
    {
      what: "rm --force",
      act: () => docker("rm", "--force", "two"),
      events: { ...ends, "container destroy": () => registry.findContainer("two") === undefined },
    },
    {
      what: "network create",
      act: () => docker("network", "create", "new"),
      events: { "network create": () => registry.network("new") !== undefined },
    },
    {
      what: "network rm",
      act: () => docker("network", "rm", "new"),
      events: { "network destroy": () => registry.network("new") === undefined },
    },
  ];

  test(`are in the registry within ${BOUND_MS} ms, by the engine's own time`, async () => {
    const waits = new Map<string, number[]>();
    for (let round = 0; round < ROUNDS; round++)
      for (const step of life)
        for (const [event, ms] of await timesOf(step)) {
          const kind = `${step.what}: ${event}`;
          waits.set(kind, [...(waits.get(kind) ?? []), ms]);
        }
    const late = new Map([...waits].map(([kind, all]) => [kind, all.filter((ms) => ms > BOUND_MS)]));
    process.stdout.write([...waits].map(([kind, all]) => `${line(kind, all)}\n`).join(""));
    for (const [kind, all] of late) expect(all.length, `${kind}: ${all} ms`).toBeLessThanOrEqual(OUTLIERS);
  }, 1_200_000);

  /** By event, how long after it the registry held what it has to. */
  async function timesOf({ act, events }: Step): Promise<[string, number][]> {
    const from = told.length;
    const held = Object.entries(events).map(([event, isHeld]) => [event, whenHeld(isHeld)] as const);
    await act();
    const times: [string, number][] = [];
    for (const [event, at] of held) times.push([event, (await at) - (await toldAt(event, from))]);
    await settled(registry, engine);
    return times;
  }

  function whenHeld(isHeld: () => boolean): Promise<number> {
    expect(isHeld()).toBe(false);
    return new Promise((resolve) => {
      const unsubscribe = registry.onChange(() => {
        if (!isHeld()) return;
        unsubscribe();
        resolve(Date.now());
      });
    });
  }

  /** Milliseconds since 1970: the engine's clock is this machine's. */
  async function toldAt(event: string, from: number): Promise<number> {
    for (;;) {
      const found = told.slice(from).find(({ Type, Action }) => `${Type} ${Action}` === event);
      if (found !== undefined) return found.timeNano / 1e6;
      await new Promise<void>((resolve) => {
        onTold = resolve;
      });
    }
  }

  async function listen(): Promise<void> {
    const take = lines((text) => {
      told.push(JSON.parse(text));
      onTold();
    });
    await new Promise<void>((resolve) => {
      const asked = request({ socketPath: engine.socket, path: "/events", agent: false }, (response) => {
        response.setEncoding("utf8").on("data", take);
        resolve();
      });
      asked.on("error", () => {}).end();
    });
  }
});

function line(kind: string, times: readonly number[]): string {
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.ceil(sorted.length * part) - 1]!.toFixed(1);
  return `${kind}: median ${at(0.5)} ms, 99 % ${at(0.99)} ms, worst ${at(1)} ms`;
}
