import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { silentLog } from "../base/log.ts";
import { listenOnSocket } from "./socket.ts";

describe("the control socket", () => {
  let folder: string;
  const open: { close(): Promise<void> }[] = [];

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "eleven-socket-"));
  });

  afterEach(async () => {
    await Promise.all(open.splice(0).map((each) => each.close()));
    rmSync(folder, { recursive: true });
  });

  async function listen(path: string, server: Server = createServer(), patienceMs?: number): Promise<void> {
    const patience = patienceMs === undefined ? {} : { patienceMs };
    open.push(await listenOnSocket(server, path, { log: silentLog, ...patience }));
  }

  /** Has the lock of the socket at `path`, as a daemon that was killed, or hangs: it accepts, and says nothing. */
  async function mute(path: string): Promise<{ readonly server: Server; readonly asked: Promise<Socket> }> {
    const server = createServer();
    const asked = once(server, "connection").then(([socket]) => socket as Socket);
    server.listen(`\0eleven:${createHash("sha256").update(path).digest("hex")}`);
    await once(server, "listening");
    return { server, asked };
  }

  test("has mode 0660, makes its folder, and is gone after closing", async () => {
    const path = join(folder, "run", "eleven.sock");
    await listen(path);
    expect(statSync(path).mode & 0o777).toBe(0o660);
    await open.pop()?.close();
    expect(existsSync(path)).toBe(false);
    await listen(path);
  });

  test("is held by one daemon, and tells the next one who that is", async () => {
    const path = join(folder, "eleven.sock");
    await listen(path);
    await expect(listen(path)).rejects.toMatchObject({
      code: "SOCKET_IN_USE",
      message: expect.stringContaining(`pid ${process.pid}`),
      remedy: expect.any(String),
    });
  });

  test.runIf(process.platform === "linux")(
    "is taken over from one that is ending, when it has ended",
    async () => {
      const path = join(folder, "eleven.sock");
      const { server, asked } = await mute(path);
      const listening = listen(path);
      const connection = await asked;
      // The first try ends while the lock is there still.
      connection.destroy();
      const [again] = (await once(server, "connection")) as [Socket];
      server.close();
      again.destroy();
      await listening;
      expect(statSync(path).isSocket()).toBe(true);
    },
  );

  test.runIf(process.platform === "linux")("is waited for no longer by who is told to end", async () => {
    const path = join(folder, "e.sock");
    const { server, asked } = await mute(path);
    const stop = new AbortController();
    const listening = listenOnSocket(createServer(), path, { log: silentLog, hurry: stop.signal });
    const connection = await asked;
    stop.abort();
    await expect(listening).rejects.toMatchObject({ code: "SOCKET_IN_USE" });
    server.close();
    connection.destroy();
  });

  test.runIf(process.platform === "linux")("is not taken from one that hangs", async () => {
    const path = join(folder, "eleven.sock");
    const { server, asked } = await mute(path);
    await expect(listen(path, createServer(), 1)).rejects.toMatchObject({
      code: "SOCKET_IN_USE",
      message: `Cannot serve on ${path}: another eleven holds it, and neither answers nor ends`,
      remedy: expect.stringContaining("kill -9"),
    });
    (await asked).destroy();
    server.close();
  });

  test("is told apart from another one however long both paths are", async () => {
    const long = "x".repeat(104 - folder.length);
    await listen(join(folder, `${long}a`));
    await listen(join(folder, `${long}b`));
    await expect(listen(join(folder, `${long}${"y".repeat(10)}`))).rejects.toMatchObject({ code: "LISTEN" });
  });

  test("does not replace a file that is not a socket", async () => {
    const path = join(folder, "precious");
    writeFileSync(path, "precious");
    await expect(listen(path)).rejects.toMatchObject({ code: "LISTEN" });
    expect(statSync(path).size).toBe(8);
  });
});
