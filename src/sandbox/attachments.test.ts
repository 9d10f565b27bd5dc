import { execFileSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { readlinkSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { namespaceFixture, openDescriptors, skipped, whyNot } from "../linux/namespace-fixture.suite.ts";
import { type Attachments, attachments } from "./attachments.ts";
import { ask, echoServe, handClock, listedLog } from "./attachments-world.suite.ts";

const HOLDER = `require("node:dgram").createSocket("udp4").bind(53, "0.0.0.0", () => console.log(process.pid))`;

describe.skipIf(whyNot !== undefined)(`attachments${skipped}`, () => {
  const namespaces = namespaceFixture();
  let clock: ReturnType<typeof handClock>;
  let log: ReturnType<typeof listedLog>;
  let serve: ReturnType<typeof echoServe>;
  let attached: Attachments;

  beforeEach(() => {
    clock = handClock();
    log = listedLog();
    serve = echoServe();
    attached = attachments({ clock, log, serve });
  });
  afterEach(async () => {
    await attached.close();
    await namespaces.cleanup();
  });

  /** By name, as `file/NAME`. */
  const want = (paths: Record<string, string>): void =>
    attached.reconcile(
      new Map(Object.entries(paths).map(([name, netns]) => [`file/${name}`, { name, netns }])),
    );
  const states = () => attached.status().map(({ name, state }) => `${name} ${state}`);

  it("answer at 127.0.0.11 in the container, over UDP and TCP, and hand it back", async () => {
    const home = readlinkSync("/proc/thread-self/ns/net");
    const path = namespaces.add();
    want({ "web-1": path });
    expect(attached.status()).toEqual([
      { sandbox: "file/web-1", name: "web-1", state: "attached", since: "2026-01-01T00:00:00.000Z" },
    ]);
    expect(await ask(path)).toEqual({ udp: "file/web-1", tcp: "file/web-1" });
    expect(readlinkSync("/proc/thread-self/ns/net")).toBe(home);
    await attached.close();
    const heir = await namespaces.run(
      path,
      `require("node:dgram").createSocket("udp4").bind(53, "127.0.0.11", () => console.log("bound"))`,
    );
    expect(heir.said).toBe("bound");
  });

  it("leave the namespace alone that this process itself is in", () => {
    want({ host: "/proc/self/ns/net" });
    expect(attached.status()).toMatchObject([
      {
        state: "failed",
        reason: expect.stringContaining("that eleven itself is in"),
        remedy: expect.any(String),
      },
    ]);
    expect(serve.opened).toEqual([]);
  });

  it("leave no descriptor behind where a listener can't be made", async () => {
    const path = namespaces.add();
    const udp = (): never => {
      throw new Error("no more sockets");
    };
    async function fail(): Promise<number> {
      const failing = attachments({ clock, log, serve: { ...serve, udp } });
      failing.reconcile(new Map([["file/web-1", { name: "web-1", netns: path }]]));
      const reason = expect.stringContaining("no more sockets");
      expect(failing.status()).toMatchObject([{ state: "failed", reason }]);
      await failing.close();
      return openDescriptors();
    }
    // The first time opens what stays open for good.
    const descriptors = await fail();
    await fail();
    await expect.poll(openDescriptors).toBeLessThanOrEqual(descriptors);
  });

  it("leave no table and no descriptor behind where a listener fails to close", async () => {
    const udp: typeof serve.udp = (...given) => {
      const serving = serve.udp(...given);
      async function close(): Promise<void> {
        await serving.close();
        throw new Error("not as it should");
      }
      return { ...serving, close };
    };
    async function fail(): Promise<number> {
      // Another one each time: a table that is left would keep the next from being made.
      const path = namespaces.add();
      const failing = attachments({ clock, log, serve: { ...serve, udp } });
      failing.reconcile(new Map([["file/web-1", { name: "web-1", netns: path }]]));
      await failing.close();
      return openDescriptors();
    }
    // The first time opens what stays open for good.
    const descriptors = await fail();
    await fail();
    expect(log.lines).toContain("error a listener did not close as it should");
    await expect.poll(openDescriptors).toBeLessThanOrEqual(descriptors);
  });

  it("do nothing where nothing changed", () => {
    const paths = { "web-1": namespaces.add(), "web-2": namespaces.add() };
    want(paths);
    const { opened } = serve;
    const descriptors = openDescriptors();
    expect(opened).toHaveLength(4);
    want(paths);
    attached.recheck();
    expect(opened).toHaveLength(4);
    expect(openDescriptors()).toBe(descriptors);
    expect(log.lines).toEqual(["info attached a container", "info attached a container"]);
  });

  it("wait until a namespace that is being handed back is free", async () => {
    const path = namespaces.add();
    want({ "web-1": path });
    want({});
    want({ "web-2": path });
    expect(states()).toEqual(["web-2 waiting"]);
    await attached.settled("file/web-2");
    expect(states()).toEqual(["web-2 attached"]);
    expect(await ask(path)).toEqual({ udp: "file/web-2", tcp: "file/web-2" });
  });

  it("serve in a namespace that several share as the first, then as the next", async () => {
    const path = namespaces.add();
    want({ "web-1": path, "side-1": path });
    expect(states()).toEqual(["web-1 attached", "side-1 attached"]);
    expect(attached.status()[1]?.reason).toBe("shares the network namespace of web-1, whose view it gets");
    want({ "side-1": path });
    expect(states()).toEqual(["side-1 attached"]);
    expect(attached.status()[0]).not.toHaveProperty("reason");
    // The sockets stayed open all the time.
    expect(serve.opened).toEqual(["udp", "tcp"]);
    expect(await ask(path)).toEqual({ udp: "file/side-1", tcp: "file/side-1" });
  });

  it("go on in a shared namespace that has another path once the one whose it was has gone", async () => {
    const path = namespaces.add();
    const guest = await namespaces.run(path, "setInterval(() => {}, 1e6); console.log(process.pid)");
    want({ "web-1": path, "side-1": path });
    const descriptors = openDescriptors();
    namespaces.remove(path);
    const own = `/proc/${guest.said}/ns/net`;
    want({ "side-1": own });
    clock.tick();
    expect(states()).toEqual(["side-1 attached"]);
    expect(serve.opened).toEqual(["udp", "tcp"]);
    expect(openDescriptors()).toBeLessThanOrEqual(descriptors);
    expect(await ask(own)).toEqual({ udp: "file/side-1", tcp: "file/side-1" });
    await guest.stop();
    clock.tick();
    expect(states()).toEqual(["side-1 waiting"]);
  });

  it("follow a container to another namespace", async () => {
    const [path, other] = [namespaces.add(), namespaces.add()];
    want({ "web-1": path });
    want({ "web-1": other });
    expect(states()).toEqual(["web-1 attached"]);
    expect(await ask(other)).toEqual({ udp: "file/web-1", tcp: "file/web-1" });
    expect(serve.opened).toEqual(["udp", "tcp", "udp", "tcp"]);
  });

  it("settle at once what is known, what is wanted no more, and what waits too long", async () => {
    const path = namespaces.add();
    namespaces.remove(path);
    want({ "web-1": namespaces.add(), "web-2": path, "web-3": path });
    await attached.settled("file/web-1");
    const unwanted = attached.settled("file/web-3");
    want({ "web-2": path });
    await unwanted;
    const late = attached.settled("file/web-2");
    clock.tick();
    await late;
    expect(states()).toEqual(["web-2 waiting"]);
  });

  it("wait for a namespace that is not there, and say so once", async () => {
    const path = namespaces.add();
    namespaces.remove(path);
    want({ "web-1": path });
    clock.tick();
    expect(states()).toEqual(["web-1 waiting"]);
    expect(attached.status()[0]?.reason).toBe(`there is no network namespace ${path}`);
    expect(log.lines).toEqual(["info waiting for a container's network namespace"]);
    namespaces.recreate(path);
    clock.tick();
    expect(states()).toEqual(["web-1 attached"]);
  });

  it("let go of a deleted namespace without noise, and attach its successor", async () => {
    const path = namespaces.add();
    const descriptors = openDescriptors();
    want({ "web-1": path });
    namespaces.remove(path);
    clock.tick();
    clock.tick();
    expect(states()).toEqual(["web-1 waiting"]);
    expect(log.lines.slice(1)).toEqual(["debug let go of a network namespace that went away"]);
    await expect.poll(openDescriptors).toBe(descriptors);
    namespaces.recreate(path);
    clock.tick();
    expect(await ask(path)).toEqual({ udp: "file/web-1", tcp: "file/web-1" });
    namespaces.recreate(path);
    clock.tick();
    expect(states()).toEqual(["web-1 attached"]);
    expect(await ask(path)).toEqual({ udp: "file/web-1", tcp: "file/web-1" });
  });

  it("name who answers there already, once, and attach when it ends", async () => {
    const path = namespaces.add();
    const holder = await namespaces.run(path, HOLDER);
    want({ "web-1": path });
    clock.tick();
    expect(attached.status()).toMatchObject([
      {
        state: "failed",
        reason: `Cannot answer 127.0.0.11:53 of web-1: node (pid ${holder.said}) does so already`,
        remedy: "Stop it, let it listen on another address, or leave web-1 out of `attach`",
      },
    ]);
    expect(log.lines).toEqual(["warn can't attach a container"]);
    await holder.stop();
    clock.tick();
    expect(states()).toEqual(["web-1 attached"]);
  });

  it("name who answers there now, if that is another process than before", async () => {
    const path = namespaces.add();
    const first = await namespaces.run(path, HOLDER);
    want({ "web-1": path });
    await first.stop();
    const second = await namespaces.run(path, HOLDER);
    clock.tick();
    expect(attached.status()[0]?.reason).toContain(`(pid ${second.said})`);
  });

  it("suspect another eleven where nobody in the container answers", async () => {
    const path = namespaces.add();
    const other = attachments({ clock, log, serve });
    other.reconcile(new Map([["file/web-1", { name: "web-1", netns: path }]]));
    want({ "web-1": path });
    expect(attached.status()[0]).toMatchObject({
      reason: "Cannot answer 127.0.0.11:53 of web-1: a process outside of it does so already",
      remedy: "See whether another eleven serves this container, and stop it",
    });
    await other.close();
  });

  it.each(["/etc/hostname", "/etc", "/proc/self/status", "/proc/self/ns/mnt"])(
    "report what is no namespace: %s",
    (path) => {
      want({ "web-1": path });
      expect(attached.status()[0]).toMatchObject({
        state: "failed",
        reason: `Cannot enter the network namespace ${path}: it is something else`,
        remedy: expect.any(String),
      });
    },
  );

  it("wait where a namespace was, or is to be, and only its file is there", async () => {
    const path = namespaces.add();
    want({ "web-1": path });
    execFileSync("umount", [path]);
    clock.tick();
    expect(attached.status()[0]).toMatchObject({
      state: "waiting",
      reason: `there is no network namespace ${path}`,
    });
    expect(log.lines.slice(1)).toEqual(["debug let go of a network namespace that went away"]);
    namespaces.recreate(path);
    clock.tick();
    expect(await ask(path)).toEqual({ udp: "file/web-1", tcp: "file/web-1" });
  });

  it("wait for lo to come up", async () => {
    const path = namespaces.add({ loopback: "down" });
    want({ "web-1": path });
    clock.tick();
    expect(attached.status()[0]).toMatchObject({
      state: "waiting",
      reason: `lo is down in the network namespace ${path}`,
    });
    expect(log.lines).toEqual(["info waiting for a container's network namespace"]);
    namespaces.up(path);
    clock.tick();
    expect(await ask(path)).toEqual({ udp: "file/web-1", tcp: "file/web-1" });
  });

  it("hold a burst that comes before we read", async () => {
    const path = namespaces.add();
    let answered = 0;
    const counting = attachments({
      clock,
      log,
      serve: {
        ...serve,
        udp(fd) {
          const socket = createSocket("udp4").bind({ fd, exclusive: true });
          socket.on("message", () => answered++);
          return { close: async () => void (await once(socket.close(), "close")), askerChanged() {} };
        },
      },
    });
    counting.reconcile(new Map([["file/web-1", { name: "web-1", netns: path }]]));
    // Blocks this thread, so that nothing is read while it sends.
    execFileSync("nsenter", [`--net=${path}`, process.execPath, "-e", burstOf(2000)]);
    expect(answered).toBe(0);
    await expect.poll(() => answered).toBe(2000);
    await counting.close();
  });

  it.skipIf(process.seteuid === undefined)("are refused as a whole, once, without the right to", () => {
    const path = namespaces.add();
    process.seteuid?.(65534);
    try {
      want({ "web-1": path, "web-2": path });
      attached.recheck();
    } finally {
      process.seteuid?.(0);
    }
    expect(states()).toEqual(["web-1 failed", "web-2 failed"]);
    expect(attached.status()[0]?.reason).toBe(
      "Cannot enter network namespaces: not permitted to; it takes root, or CAP_SYS_ADMIN",
    );
    expect(log.lines).toEqual(["warn can't attach any container"]);
  });
});

function burstOf(count: number): string {
  return `
    const socket = require("node:dgram").createSocket("udp4");
    socket.connect(53, "127.0.0.11", () => {
      let left = ${count};
      for (let i = 0; i < ${count}; i++) socket.send(Buffer.alloc(40), () => --left || socket.close());
    });`;
}
