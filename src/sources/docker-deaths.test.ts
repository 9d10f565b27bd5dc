import { beforeEach, describe, expect, test } from "vitest";
import type { Change, Container } from "../registry/model.ts";
import { watchDeaths } from "./docker-deaths.ts";
import { createKnown, type Known } from "./docker-known.ts";
import type { Processes } from "./docker-process.ts";
import { type EngineContainer, engineContainer } from "./docker-schema.ts";

const WEB = "a".repeat(64);

function running(pid: number): EngineContainer {
  return engineContainer.parse({
    Id: WEB,
    Name: "/web",
    State: { Running: true, Pid: pid, StartedAt: "2026-01-01T00:00:00Z" },
    Config: { Hostname: "" },
    HostConfig: { NetworkMode: "shop" },
    NetworkSettings: { SandboxKey: "", Networks: { shop: { IPAddress: "10.5.0.2" } } },
  });
}

describe("a container whose process has ended", () => {
  let told: Container | undefined;
  let causes: string[];
  let asked: string[];
  let ended: Set<number>;
  let known: Known;
  let nextLook: () => void;

  const processes: Processes = {
    identify: (pid) => ({ pid, startTime: "1" }),
    isAlive: ({ pid }) => !ended.has(pid),
    isGone: ({ pid }) => ended.has(pid),
    isNamespace: () => false,
    isInHosts: () => false,
  };

  function apply(change: Change): void {
    causes.push(change.cause);
    if (change.kind === "put") told = change.container;
  }

  beforeEach(() => {
    [causes, asked, ended] = [[], [], new Set()];
    known = createKnown({ source: "docker:x", apply, processes });
    known.setNetworks([{ Id: "n", Name: "shop", Driver: "bridge" }]);
    known.replace(WEB, running(7), "start");
  });

  function watch(ask?: (id: string) => void): void {
    const after = (_: number, act: () => void) => {
      nextLook = act;
    };
    watchDeaths({ known, processes, after, ask });
  }

  const address = () => told?.endpoints[0]?.ipv4;

  test("loses its address at once while the engine is away", () => {
    watch();
    expect(address()).toBe("10.5.0.2");
    ended.add(7);
    nextLook();
    nextLook();
    expect(address()).toBeUndefined();
    expect(causes).toEqual(["start", "web is dead: its process 7 has ended while Docker is away"]);
  });

  test("is asked about while the engine is there, and loses its address if there is no answer", () => {
    watch((id) => asked.push(id));
    ended.add(7);
    nextLook();
    expect([asked, address()]).toEqual([[WEB], "10.5.0.2"]);
    nextLook();
    expect(address()).toBeUndefined();
    expect(causes.at(-1)).toBe("web is dead: its process 7 has ended and Docker does not answer");
    nextLook();
    expect([asked.length, causes.length]).toEqual([1, 2]);
  });

  test("does not get its address back by what a hung engine says late of the same run", () => {
    watch((id) => asked.push(id));
    ended.add(7);
    nextLook();
    nextLook();
    known.replace(WEB, running(7), "late");
    expect(address()).toBeUndefined();
    known.replace(WEB, running(8), "restart");
    expect(address()).toBe("10.5.0.2");
    known.replace(WEB, running(7), "as the engine says");
    expect(address()).toBe("10.5.0.2");
  });

  test("keeps the address that the engine gives it by then", () => {
    watch((id) => asked.push(id));
    ended.add(7);
    nextLook();
    known.replace(WEB, running(8), "restart");
    nextLook();
    expect([asked, address(), causes]).toEqual([[WEB], "10.5.0.2", ["start", "restart"]]);
  });
});
