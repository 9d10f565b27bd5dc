import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { systemClock } from "../base/clock.ts";
import { connectEngine, type EngineClient, isAnswer, spokenApi } from "./docker-client.ts";

describe("the API that is spoken", () => {
  test.each([
    ["1.24", undefined, "1.24"],
    ["1.41", "1.12", "1.41"],
    ["1.9", "1.9", "1.9"],
    ["1.52", "1.44", "1.52"],
    ["1.60", "1.44", "1.52"],
    ["2.0", "1.44", "1.52"],
  ])("with an engine that has %s down to %s is %s", (newest, oldest, spoken) => {
    expect(spokenApi(newest, oldest)).toBe(spoken);
  });

  test("is none with an engine that has left all of ours behind", () => {
    expect(() => spokenApi("1.99", "1.90")).toThrow(expect.objectContaining({ code: "UNSUPPORTED" }));
  });
});

describe("a swarm", () => {
  const folder = mkdtempSync(join(tmpdir(), "eleven-client-"));
  let server: Server;
  let client: EngineClient;
  /** What `/services` answers. */
  let status: number;
  let text: string;

  beforeAll(async () => {
    server = createServer(({ url = "" }, response) => {
      if (url === "/version") response.end('{ "Version": "1", "ApiVersion": "1.41" }');
      else if (url.includes("/events")) response.flushHeaders();
      else if (url.includes("/services")) response.writeHead(status).end(text);
      else response.end("[]");
    });
    const socketPath = join(folder, "engine.sock");
    await new Promise<void>((resolve) => server.listen(socketPath, resolve));
    client = await connectEngine({
      address: { kind: "unix", socketPath },
      onEvent: () => {},
      clock: systemClock,
      signal: new AbortController().signal,
    });
  });
  afterAll(() => {
    client.close();
    server.close();
    server.closeAllConnections();
    rmSync(folder, { recursive: true });
  });

  function refuse(withStatus: number, message: string): void {
    [status, text] = [withStatus, JSON.stringify({ message })];
  }

  // Engine 20.10 to 28 say 503, as 1.12 said 406; the others are for what stands between, or in its place.
  test.each([503, 406, 403, 404, 501])("is none where the engine refuses with %d", async (code) => {
    refuse(code, "This node is not a swarm manager.");
    expect(await client.swarm()).toBeUndefined();
  });

  test.each([
    [500, "rpc error: code = Unknown desc = The swarm does not have a leader."],
    [
      503,
      "This node is not a swarm manager. Manager is being prepared or has trouble connecting to the cluster.",
    ],
  ])("is not known where a manager is in trouble (%d %s)", async (code, message) => {
    refuse(code, message);
    const error = await client.swarm().catch((thrown: unknown) => thrown);
    expect(isAnswer(error)).toBe(true);
    expect(error).toHaveProperty("message", expect.stringContaining(message));
  });

  test("is not known where the answer can't be understood", async () => {
    [status, text] = [200, '[{ "ID": 1 }]'];
    const error = await client.swarm().catch((thrown: unknown) => thrown);
    expect(isAnswer(error)).toBe(true);
    expect(error).toBeInstanceOf(Error);
  });
});
