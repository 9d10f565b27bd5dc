import { execFileSync } from "node:child_process";
import {
  mkdtempSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../base/clock.ts";
import { fakeClock } from "./fake-clock.suite.ts";
import { type HostResolvConf, hostResolvConf, type ResolvConfFiles } from "./host-resolv-conf.ts";

let dir: string;
let path: string;
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), "eleven-resolv-conf-"));
  path = join(dir, "resolv.conf");
});
afterEach(() => rmSync(dir, { recursive: true }));

const addresses = (host: HostResolvConf) => host.current().servers.map(({ address }) => address);

describe("hostResolvConf", () => {
  it("gives every nameserver once, on port 53", () => {
    writeFileSync(
      path,
      "nameserver 10.0.0.1\nnameserver fe80::1%lo\nnameserver 10.0.0.1\nnameserver 10.0.0.3\nnameserver 10.0.0.4\n",
    );
    expect(hostResolvConf({ path, clock: systemClock }).current().servers).toEqual([
      { address: "10.0.0.1", port: 53 },
      { address: "fe80::1%lo", port: 53 },
      { address: "10.0.0.3", port: 53 },
      { address: "10.0.0.4", port: 53 },
    ]);
  });

  it("sees an edit in place at the next call, even of the same length and within one tick of the clock", () => {
    const host = hostResolvConf({ path, clock: systemClock });
    for (let round = 0; round < 50; round++) {
      const address = `10.0.0.${(round % 9) + 1}`;
      writeFileSync(path, `nameserver ${address}\n`);
      expect(addresses(host)).toEqual([address]);
    }
  });

  it("sees a file renamed over it, even one with the same size and times", () => {
    writeFileSync(path, "nameserver 10.0.0.1\n");
    const host = hostResolvConf({ path, clock: systemClock });
    expect(addresses(host)).toEqual(["10.0.0.1"]);
    const next = join(dir, "next");
    writeFileSync(next, "nameserver 10.0.0.2\n");
    const { atime, mtime } = statSync(path);
    utimesSync(next, atime, mtime);
    renameSync(next, path);
    expect(addresses(host)).toEqual(["10.0.0.2"]);
  });

  it("sees a symbolic link pointed elsewhere", () => {
    writeFileSync(join(dir, "a"), "nameserver 10.0.0.1\n");
    writeFileSync(join(dir, "b"), "nameserver 10.0.0.2\n");
    symlinkSync("a", path);
    const host = hostResolvConf({ path, clock: systemClock });
    expect(addresses(host)).toEqual(["10.0.0.1"]);
    rmSync(path);
    symlinkSync("b", path);
    expect(addresses(host)).toEqual(["10.0.0.2"]);
  });

  it("keeps the servers for one second while the file is truncated, then has none", () => {
    const clock = fakeClock(Date.now());
    writeFileSync(path, "nameserver 10.0.0.1\n");
    const host = hostResolvConf({ path, clock });
    expect(host.current().problem).toBeUndefined();
    truncateSync(path);
    expect(host.current()).toMatchObject({
      servers: [{ address: "10.0.0.1" }],
      problem: "the file is empty",
    });
    clock.advance(999);
    expect(addresses(host)).toEqual(["10.0.0.1"]);
    clock.advance(1);
    expect(host.current()).toMatchObject({ servers: [], problem: "the file is empty" });
    writeFileSync(path, "nameserver 10.0.0.2\n");
    expect(addresses(host)).toEqual(["10.0.0.2"]);
  });

  it("keeps the servers for one second while the file is missing, and counts again the next time", () => {
    const clock = fakeClock(Date.now());
    writeFileSync(path, "nameserver 10.0.0.1\n");
    const host = hostResolvConf({ path, clock });
    host.current();
    for (let round = 0; round < 2; round++) {
      rmSync(path);
      expect(addresses(host)).toEqual(["10.0.0.1"]);
      clock.advance(900);
      expect(addresses(host)).toEqual(["10.0.0.1"]);
      writeFileSync(path, "nameserver 10.0.0.1\n");
      expect(addresses(host)).toEqual(["10.0.0.1"]);
    }
  });

  it("has none at once where there never was a file, and says so", () => {
    const host = hostResolvConf({ path, clock: fakeClock() });
    expect(host.current()).toMatchObject({ servers: [], problem: expect.stringContaining("no such file") });
  });

  it("has none at once where the file has text but names no server", () => {
    const host = hostResolvConf({ path, clock: fakeClock() });
    writeFileSync(path, "nameserver 10.0.0.1\n");
    host.current();
    writeFileSync(path, "# nothing\n");
    expect(host.current()).toMatchObject({ servers: [], problem: `${path} names no nameserver` });
  });

  it("does not wait for a pipe", () => {
    execFileSync("mkfifo", [path]);
    const host = hostResolvConf({ path, clock: fakeClock() });
    expect(host.current()).toMatchObject({ servers: [], problem: "it is not a regular file" });
  });

  it("does not read a file again that has not changed", () => {
    let reads = 0;
    const stat = { dev: 1n, ino: 1n, size: 1n, mtimeNs: 0n, ctimeNs: 0n, isFile: () => true };
    const fs: ResolvConfFiles = {
      stat: () => stat,
      read: () => {
        reads++;
        return "nameserver 10.0.0.1";
      },
    };
    const host = hostResolvConf({ path, clock: fakeClock(1000), fs });
    for (let call = 0; call < 5; call++) host.current();
    expect(reads).toBe(1);
  });
});
