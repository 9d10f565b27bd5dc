import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import type { EngineWay } from "./docker-address.ts";
import { type EngineHttp, EngineRefusal, engineHttp } from "./docker-http.ts";

const folder = mkdtempSync(join(tmpdir(), "eleven-http-"));
const socketPath = join(folder, "engine.sock");
const never = new AbortController().signal;
const ssh: EngineWay = { kind: "ssh", host: "far", port: 2222, username: "me", socketPath: undefined };
let server: Server;
let respond: RequestListener;
let http: EngineHttp | undefined;

beforeAll(async () => {
  server = createServer((request, response) => respond(request, response));
  await new Promise<void>((resolve) => server.listen(socketPath, resolve));
});
afterEach(() => {
  http?.close();
  vi.unstubAllEnvs();
});
afterAll(() => {
  server.close();
  server.closeAllConnections();
  rmSync(folder, { recursive: true });
});

/** A program of this name that is found before ssh. */
function programInsteadOfSsh(script: string): void {
  const path = join(folder, "ssh");
  writeFileSync(path, `#!${process.execPath}\n${script}`);
  chmodSync(path, 0o755);
  vi.stubEnv("PATH", `${folder}:${process.env.PATH}`);
}

/** Like `ssh HOST docker system dial-stdio`, and tells in the first line to whom it was to go. */
const DIAL = `
const { connect } = require("node:net");
require("node:fs").appendFileSync(${JSON.stringify(join(folder, "args"))}, process.argv.slice(2).join(" "));
const to = connect(${JSON.stringify(socketPath)});
process.stdin.pipe(to).pipe(process.stdout);
`;

describe.each<[string, EngineWay]>([
  ["a socket", { kind: "unix", socketPath }],
  ["ssh", ssh],
])("an engine behind %s", (_, address) => {
  test("is asked with a query, and answers JSON", async () => {
    programInsteadOfSsh(DIAL);
    respond = ({ url }, response) => response.end(JSON.stringify({ url, long: "x".repeat(1_000_000) }));
    http = engineHttp(address, 2);
    const answers = await Promise.all(
      ["/a", "/b", "/c"].map((path) => http!.get(path, { all: true, filters: { type: ["x"] } }, never)),
    );
    const query = "?all=true&filters=%7B%22type%22%3A%5B%22x%22%5D%7D";
    expect(answers.map((answer) => (answer as { url: string }).url)).toEqual(
      ["/a", "/b", "/c"].map((path) => path + query),
    );
  });

  test("refuses with its own words", async () => {
    programInsteadOfSsh(DIAL);
    respond = (_, response) => response.writeHead(404).end('{"message":"No such container: x"}');
    http = engineHttp(address, 2);
    const error = await http.get("/containers/x/json", {}, never).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(EngineRefusal);
    expect(error).toMatchObject({ status: 404, message: expect.stringContaining("No such container: x") });
  });

  test("that answers something else than JSON has answered nothing", async () => {
    programInsteadOfSsh(DIAL);
    respond = (_, response) => response.end("<html>");
    http = engineHttp(address, 2);
    expect(await http.get("/version", {}, never)).toBeUndefined();
  });

  test.each(["before it answers", "in the midst of an answer"])("is given up %s", async (when) => {
    programInsteadOfSsh(DIAL);
    const asked = new Promise<() => boolean>((resolve) => {
      respond = (_, response) => {
        if (when !== "before it answers") response.write("[");
        resolve(() => response.destroyed);
      };
    });
    http = engineHttp(address, 2);
    const aborting = new AbortController();
    const answer = http.get("/version", {}, aborting.signal);
    const isGone = await asked;
    aborting.abort(new Error("enough"));
    await expect(answer).rejects.toThrow();
    await vi.waitUntil(isGone, { timeout: 5000 });
  });

  test("is asked again by connections that are there", async () => {
    programInsteadOfSsh(DIAL);
    const ways = new Set<Socket>();
    respond = ({ socket }, response) => {
      ways.add(socket);
      response.end("{}");
    };
    http = engineHttp(address, 2);
    for (let round = 0; round < 3; round++)
      await Promise.all(["/a", "/b", "/c"].map((path) => http!.get(path, {}, never)));
    expect(ways.size).toBe(2);
  });
});

test.each([
  [undefined, "docker system dial-stdio"],
  ["/run/it's.sock", "docker --host='unix:///run/it'\\''s.sock' system dial-stdio"],
])("through ssh the socket %j is reached as Docker's client does, by %s", async (path, command) => {
  rmSync(join(folder, "args"), { force: true });
  programInsteadOfSsh(DIAL);
  respond = (_, response) => response.end("{}");
  http = engineHttp({ ...ssh, socketPath: path }, 2);
  await http.get("/version", {}, never);
  const args = readFileSync(join(folder, "args"), "utf8");
  expect(args).toMatch(/^-T .*BatchMode=yes.* -l me -p 2222 -- far /);
  expect(args.split(" -- far ")[1]).toBe(command);
});

describe("ssh that does not come about", () => {
  test("tells what ssh said", async () => {
    programInsteadOfSsh(
      `process.stderr.write("me@far: Permission denied (publickey).\\n"); process.exitCode = 255`,
    );
    http = engineHttp(ssh, 2);
    await expect(http.get("/version", {}, never)).rejects.toThrow("ssh to far: me@far: Permission denied");
  });

  test("because there is no such program says so", async () => {
    vi.stubEnv("PATH", "/nowhere");
    http = engineHttp(ssh, 2);
    await expect(http.get("/version", {}, never)).rejects.toThrow("there is no ssh on this machine");
  });
});
