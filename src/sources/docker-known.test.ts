import { beforeEach, describe, expect, test } from "vitest";
import type { Container } from "../registry/model.ts";
import { createKnown, type Known } from "./docker-known.ts";
import type { Processes } from "./docker-process.ts";
import { type EngineContainer, engineContainer, engineNetwork } from "./docker-schema.ts";
import { withoutProcess } from "./docker-snapshot.ts";

const [OWNER, GUEST] = ["a".repeat(64), "b".repeat(64)] as const;
const [FIRST, SECOND] = ["/run/docker/netns/0123456789ab", "/run/docker/netns/ba9876543210"] as const;

function running(id: string, pid: number, StartedAt: string, mode: string, sandbox = ""): EngineContainer {
  return engineContainer.parse({
    Id: id,
    Name: `/${id.slice(0, 1)}`,
    State: { Running: true, Pid: pid, StartedAt },
    Config: { Hostname: "" },
    HostConfig: { NetworkMode: mode },
    NetworkSettings: { SandboxKey: sandbox, Networks: {} },
  });
}

const owner = running(OWNER, 7, "2026-01-01T00:00:00Z", "shop", FIRST);
const guest = running(GUEST, 8, "2026-01-01T00:00:01Z", `container:${OWNER}`);

describe("a container in another's sandbox", () => {
  let told: Map<string, Container>;
  let mounted: Set<string>;
  let known: Known;

  beforeEach(() => {
    told = new Map();
    mounted = new Set([FIRST]);
    const processes: Processes = {
      identify: (pid) => ({ pid, startTime: "1" }),
      isAlive: () => true,
      isGone: () => false,
      isNamespace: (path) => mounted.has(path),
      isInHosts: () => false,
    };
    known = createKnown({
      source: "docker:x",
      apply(change) {
        if (change.kind === "put") told.set(change.container.key, change.container);
      },
      processes,
    });
    // The guest first: what it is told to be must follow from whom it lives with all the same.
    known.replace(GUEST, guest, "c");
    known.replace(OWNER, owner, "c");
  });

  const netnsOf = (id: string) => told.get(`docker:x/${id}`)?.netns;

  test("is entered where that one is, which takes no right to look into its process", () => {
    expect([netnsOf(OWNER), netnsOf(GUEST)]).toEqual([FIRST, FIRST]);
  });

  test("is entered through its own process where that one's namespace is not mounted here", () => {
    mounted.clear();
    known.replace(OWNER, owner, "c");
    expect([netnsOf(OWNER), netnsOf(GUEST)]).toEqual(["/proc/7/ns/net", "/proc/8/ns/net"]);
  });

  test("stays in the old namespace when that one is started anew in another", () => {
    known.replace(OWNER, withoutProcess(owner), "c");
    mounted = new Set([SECOND]);
    known.replace(OWNER, running(OWNER, 9, "2026-01-01T00:00:02Z", "shop", SECOND), "c");
    expect([netnsOf(OWNER), netnsOf(GUEST)]).toEqual([SECOND, "/proc/8/ns/net"]);
  });
});

describe("a container in the sandbox of one that lives in another's", () => {
  const THIRD = "c".repeat(64);
  const third = running(THIRD, 9, "2026-01-01T00:00:02Z", `container:${GUEST}`);
  const host = running(OWNER, 7, "2026-01-01T00:00:00Z", "host", "/run/docker/netns/default");
  let told: Map<string, Container>;
  let identified: Map<number, readonly string[]>;
  let known: Known;

  beforeEach(() => {
    told = new Map();
    identified = new Map();
    known = createKnown({
      source: "docker:x",
      apply(change) {
        if (change.kind === "put") told.set(change.container.key, change.container);
      },
      processes: {
        identify(pid, ids) {
          identified.set(pid, ids);
          return { pid, startTime: "1" };
        },
        isAlive: () => true,
        isGone: () => false,
        isNamespace: (path) => path === FIRST,
        isInHosts: () => false,
      },
    });
  });

  const thirds = () => told.get(`docker:x/${THIRD}`);

  test("follows the last one, and is told anew with it", () => {
    for (const one of [third, guest, owner]) known.replace(one.Id, one, "c");
    expect(thirds()).toMatchObject({ shares: `docker:x/${OWNER}`, netns: FIRST });
    known.replace(OWNER, withoutProcess(owner), "c");
    expect(thirds()).toMatchObject({ shares: `docker:x/${GUEST}`, netns: "/proc/9/ns/net" });
  });

  test("is known by the files of any of them, also of one that is gone", () => {
    known.replace(THIRD, third, "c");
    expect(identified.get(9)).toEqual([THIRD, GUEST]);
    for (const one of [owner, guest, third]) known.replace(one.Id, one, "c");
    expect(identified.get(9)).toEqual([THIRD, GUEST, OWNER]);
  });

  test("keeps the last one's view when the one between is gone", () => {
    for (const one of [owner, guest, third]) known.replace(one.Id, one, "c");
    known.replace(GUEST, undefined, "c");
    expect(thirds()).toMatchObject({ shares: `docker:x/${OWNER}`, netns: FIRST });
  });

  test("has the host's network still when those whose it was are gone", () => {
    for (const one of [host, guest, third]) known.replace(one.Id, one, "c");
    known.learn(new Map([OWNER, GUEST].map((id) => [id, undefined])));
    known.tellAll("c");
    known.replace(THIRD, third, "c");
    expect(thirds()).toMatchObject({ netnsMissing: "host" });
    expect(thirds()).not.toHaveProperty("netns");
  });
});

describe("the networks of an engine", () => {
  test("are gone through when they are told, and not for each name that is asked", () => {
    const processes: Processes = {
      identify: () => undefined,
      isAlive: () => true,
      isGone: () => false,
      isNamespace: () => false,
      isInHosts: () => false,
    };
    const known = createKnown({ source: "docker:x", apply: () => {}, processes });
    let looks = 0;
    const networks = Array.from({ length: 100 }, (_, index) => ({
      ...engineNetwork.parse({ Name: `n${index}`, Driver: "bridge", Id: "" }),
      get Id() {
        looks += 1;
        return `id${index}`;
      },
    }));
    known.setNetworks(networks);
    const before = looks;
    const names = networks.map((_, index) => known.networkName(`id${index}`));
    expect(names).toEqual(networks.map(({ Name }) => Name));
    expect(looks).toBe(before);
  });
});

describe("the directory of an engine's namespaces", () => {
  function directoryOf(sandbox: string, isNamespace: boolean): string | undefined {
    const processes: Processes = {
      identify: () => undefined,
      isAlive: () => true,
      isGone: () => false,
      isNamespace: () => isNamespace,
      isInHosts: () => false,
    };
    const known = createKnown({ source: "docker:x", apply: () => {}, processes });
    known.replace(OWNER, running(OWNER, 7, "2026-01-01T00:00:00Z", "shop", sandbox), "c");
    known.replace(OWNER, undefined, "c");
    return known.netnsDirectory;
  }

  test("is known when a container has shown it, and stays so when that is gone", () => {
    expect(directoryOf("/srv/exec/netns/0123456789ab", true)).toBe("/srv/exec/netns");
  });

  test("is not what an engine on another machine has, nor where the host's own namespace is", () => {
    expect(directoryOf("/srv/exec/netns/0123456789ab", false)).toBeUndefined();
    expect(directoryOf("/srv/exec/netns/default", true)).toBeUndefined();
  });
});
