import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { type Environment, engineAddress, usualNetnsDirectory, wayTo } from "./docker-address.ts";

const folder = mkdtempSync(join(tmpdir(), "eleven-certs-"));
for (const name of ["ca", "cert", "key"]) writeFileSync(join(folder, `${name}.pem`), name);
afterAll(() => rmSync(folder, { recursive: true }));

const unix = (socketPath: string) => ({ kind: "unix", socketPath });
const tcp = (host: string, port: number) => ({ kind: "tcp", host, port });
const tls = (host: string, port: number) => ({
  kind: "tls",
  host,
  port,
  folder,
});
const ssh = (details: object) => ({ kind: "ssh", host: "engine.example", ...details });

describe("an engine", () => {
  test.each<[string | undefined, Environment, Record<string, unknown>]>([
    [undefined, {}, unix("/var/run/docker.sock")],
    [undefined, { DOCKER_HOST: "" }, unix("/var/run/docker.sock")],
    [undefined, { DOCKER_HOST: "unix:///run/x.sock" }, unix("/run/x.sock")],
    ["unix:///a.sock", { DOCKER_HOST: "tcp://10.0.0.1:2375" }, unix("/a.sock")],
    ["unix://", {}, unix("/var/run/docker.sock")],
    ["tcp://10.0.0.1:1234", {}, tcp("10.0.0.1", 1234)],
    ["tcp://engine.example", {}, tcp("engine.example", 2375)],
    ["tcp://[fd00::1]:2375", {}, tcp("fd00::1", 2375)],
    ["http://10.0.0.1:80", {}, tcp("10.0.0.1", 80)],
    [undefined, { DOCKER_HOST: "10.0.0.1:1234" }, tcp("10.0.0.1", 1234)],
    ["tcp://10.0.0.1:2376", { DOCKER_CERT_PATH: folder }, tls("10.0.0.1", 2376)],
    ["https://10.0.0.1:443", { DOCKER_CERT_PATH: folder }, tls("10.0.0.1", 443)],
    ["tcp://10.0.0.1", { DOCKER_CERT_PATH: folder, DOCKER_TLS_VERIFY: "1" }, tls("10.0.0.1", 2376)],
    ["tcp://10.0.0.1:5", { DOCKER_CERT_PATH: folder }, tcp("10.0.0.1", 5)],
    ["ssh://me@engine.example", {}, ssh({ username: "me" })],
    ["ssh://engine.example:2222/", {}, ssh({ port: 2222 })],
    [
      "ssh://engine.example:22/run/user/1000/docker.sock",
      {},
      ssh({ port: 22, socketPath: "/run/user/1000/docker.sock" }),
    ],
  ])("at %j with %j", (url, env, expected) => {
    expect(engineAddress(url, env)).toEqual(expected);
  });

  test.each(["npipe:////./pipe/docker", "tcp://", "ftp://x", ":"])("can't be at %j", (url) => {
    expect(() => engineAddress(url, {})).toThrow(expect.objectContaining({ code: "SOURCE" }));
  });

  test.each([
    [undefined, "/var/run/docker/netns"],
    ["unix:///run/docker.sock", "/var/run/docker/netns"],
    ["unix:///run/other.sock", undefined],
    ["tcp://127.0.0.1:2375", undefined],
    ["ssh://me@engine.example", undefined],
  ])("at %j is taken to make its namespaces in %j before a container shows it", (url, directory) => {
    expect(usualNetnsDirectory(engineAddress(url, {}))).toBe(directory);
  });

  test.each([
    ["a file", join(folder, "ca.pem")],
    ["a folder", folder],
  ])("can't be reached where there is %s in the place of its socket", (what, path) => {
    const error = { code: "SOURCE", message: `Cannot reach Docker at ${path}: it is ${what}, not a socket` };
    expect(() => wayTo(engineAddress(`unix://${path}`, {}))).toThrow(expect.objectContaining(error));
  });

  test("may come to be where there is nothing yet", () => {
    expect(wayTo(engineAddress(`unix://${folder}/none`, {}))).toEqual(unix(`${folder}/none`));
  });

  test("is reached by TLS with what the three files hold at that moment", () => {
    const at = (folder: string) => engineAddress("tcp://10.0.0.1:2376", { DOCKER_CERT_PATH: folder });
    const { folder: _, ...way } = tls("10.0.0.1", 2376);
    expect(wayTo(at(folder))).toEqual({ ...way, ca: "ca", cert: "cert", key: "key" });
    const error = { code: "SOURCE", message: expect.stringContaining("/nowhere/ca.pem") };
    expect(() => wayTo(at("/nowhere"))).toThrow(expect.objectContaining(error));
  });
});
