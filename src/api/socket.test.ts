import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
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

  async function listen(path: string, server: Server = createServer()): Promise<void> {
    open.push(await listenOnSocket(server, path));
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
