import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { sourceInto } from "../../test/support/docker-source.ts";
import { type Clock, systemClock } from "../base/clock.ts";
import { createRegistry, type Registry } from "../registry/registry.ts";
import type { Source } from "./source.ts";

const NAME = "docker:test";
const [SHOP, WEB] = ["5".repeat(64), "a".repeat(64)] as const;

/**
 * What Engine 29 answers, as far as it is asked: it refuses a version of the API below its oldest, as no engine did
 * before, and above its newest; its inspects and events are without what 1.52 has left out.
 */
class Engine29 {
  readonly asked: string[] = [];
  isRunning = false;
  events: ServerResponse | undefined;
  readonly server: Server;

  constructor(newest: string, oldest: string) {
    this.server = createServer(({ url = "" }, response) => {
      const { pathname } = new URL(url, "http://engine");
      this.asked.push(pathname);
      const say = (status: number, body: unknown) => response.writeHead(status).end(JSON.stringify(body));
      if (pathname === "/version")
        return say(200, { Version: "29.0.0", ApiVersion: newest, MinAPIVersion: oldest });
      const [, minor = "", path = ""] = /^\/v1\.(\d+)(\/.*)$/.exec(pathname) ?? [];
      if (Number(minor) < Number(oldest.slice(2)))
        return say(400, { message: `client version 1.${minor} is too old. Minimum supported is ${oldest}` });
      if (Number(minor) > Number(newest.slice(2)))
        return say(400, { message: `client version 1.${minor} is too new. Maximum supported is ${newest}` });
      if (path === "/services" || path === "/tasks")
        return say(503, { message: "This node is not a swarm manager." });
      if (path === "/events") {
        this.events = response;
        return response.writeHead(200, { "Content-Type": "application/json" }).flushHeaders();
      }
      if (path === "/containers/json") return say(200, [{ Id: WEB, Names: ["/web-1"] }]);
      if (path === "/networks") return say(200, [NETWORK]);
      if (path === `/networks/${SHOP}`)
        return say(200, { ...NETWORK, Containers: {}, Status: { IPAM: { Subnets: {} } } });
      if (path === `/containers/${WEB}/json`) return say(200, inspected(this.isRunning));
      return say(404, { message: "page not found" });
    });
  }

  tell(action: string): void {
    const Actor = { ID: WEB, Attributes: { image: "bb:1", name: "web-1" } };
    const time = { time: 1_800_000_000, timeNano: 1_800_000_000_000_000_000 };
    const told = { Type: "container", Action: action, Actor, scope: "local", ...time };
    this.events?.write(`${JSON.stringify(told)}\n`);
  }
}

const NETWORK = {
  Name: "shop",
  Id: SHOP,
  Scope: "local",
  Driver: "bridge",
  EnableIPv4: true,
  EnableIPv6: false,
  Internal: false,
  Ingress: false,
};

/** Linux numbers processes up to one less. */
const NOBODYS_PID = 4_194_304;

function inspected(isRunning: boolean) {
  const now = isRunning ? "10.5.0.2" : "";
  return {
    Id: WEB,
    Name: "/web-1",
    State: {
      Status: isRunning ? "running" : "exited",
      Running: isRunning,
      Pid: isRunning ? NOBODYS_PID : 0,
      StartedAt: "",
    },
    Config: { Hostname: WEB.slice(0, 12), Labels: null },
    HostConfig: { NetworkMode: "shop", Dns: null },
    NetworkSettings: {
      SandboxKey: "",
      Networks: {
        shop: { Aliases: ["web"], Links: null, NetworkID: SHOP, IPAddress: now, GlobalIPv6Address: "" },
      },
    },
  };
}

describe("a Docker source", () => {
  let folder: string;
  let registry: Registry;
  let engine: Engine29;
  let source: Source;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "eleven-docker-"));
    registry = createRegistry({ clock: systemClock, host: "h" });
    registry.expect(NAME);
  });

  afterEach(async () => {
    await source.stop();
    engine.server.close();
    engine.server.closeAllConnections();
    rmSync(folder, { recursive: true });
  });

  async function start(newest: string, oldest: string): Promise<void> {
    engine = new Engine29(newest, oldest);
    await listen();
    source = newSource(systemClock);
    await source.start();
  }

  const socket = () => join(folder, "engine.sock");
  const listen = () => new Promise<void>((resolve) => engine.server.listen(socket(), resolve));

  function newSource(clock: Clock, onState?: () => void): Source {
    return sourceInto(registry, {
      url: `unix://${socket()}`,
      name: NAME,
      clock,
      ...(onState && { onState }),
    });
  }

  const addresses = () => registry.records({ name: "web" }).flatMap((record) => record.addresses);

  test.each([
    ["1.52", "1.44", "1.52"],
    ["1.60", "1.44", "1.52"],
    ["1.51", "1.44", "1.51"],
  ])("follows an engine whose API goes to %s and begins at %s, in %s", async (newest, oldest, spoken) => {
    await start(newest, oldest);
    expect(source.status()).toMatchObject({
      state: "synced",
      error: null,
      engine: `Docker 29.0.0, API ${spoken}`,
    });
    expect(addresses()).toEqual([]);
    const held = new Promise<void>((resolve) => {
      registry.onChange(() => {
        if (addresses().length > 0) resolve();
      });
    });
    engine.isRunning = true;
    engine.tell("start");
    await held;
    expect(addresses()).toEqual(["10.5.0.2"]);
    const versioned = engine.asked.filter((path) => path !== "/version");
    for (const path of versioned) expect(path).toMatch(new RegExp(`^/v${spoken.replace(".", "\\.")}/`));
  });

  test("does not start where a file stands in the place of the engine's socket", async () => {
    engine = new Engine29("1.52", "1.44");
    writeFileSync(socket(), "");
    source = newSource(systemClock);
    await expect(source.start()).rejects.toMatchObject({
      code: "SOURCE",
      message: `Cannot reach Docker at ${socket()}: it is a file, not a socket`,
    });
  });

  test("says so where the engine's API begins after ours", async () => {
    await start("1.70", "1.60");
    expect(source.status()).toMatchObject({
      state: "away",
      error: expect.stringContaining("its API begins at 1.60, ours ends at 1.52"),
    });
    expect(registry.ready).toBe(false);
  });

  test("that waits for an engine that hangs can be stopped at once", async () => {
    const timeless: Clock = { ...systemClock, after: () => () => {} };
    engine = new Engine29("1.52", "1.44");
    engine.server.removeAllListeners("request");
    const asked = new Promise((resolve) => engine.server.once("request", resolve));
    await listen();
    source = newSource(timeless);
    const started = source.start();
    await asked;
    await source.stop();
    await started;
    expect(source.status().lastSync).toBeNull();
  });

  test("needs no time to pass to find an engine that comes", async () => {
    const timeless: Clock = { ...systemClock, after: () => () => {} };
    let onState = () => {};
    engine = new Engine29("1.52", "1.44");
    source = newSource(timeless, () => onState());
    await source.start();
    expect(source.status().state).toBe("away");
    for (let round = 0; round < 2; round++) {
      const back = stateBecomes("synced");
      await listen();
      await back;
      const away = stateBecomes("away");
      engine.server.close();
      engine.server.closeAllConnections();
      await away;
    }

    function stateBecomes(state: string): Promise<void> {
      return new Promise((resolve) => {
        onState = () => {
          if (source.status().state === state) resolve();
        };
      });
    }
  });
});
