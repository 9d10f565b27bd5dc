import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { stubFiles } from "./stub-files.ts";

/** A `/proc` of files: what is the same file is the same namespace. */
describe("the files that a container's libc goes by", () => {
  let folder: string;
  let places: { proc: string; engine: string };

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "eleven-stub-"));
    places = { proc: join(folder, "proc"), engine: join(folder, "engine") };
    for (const name of ["net-a", "net-b", "mnt-host", "mnt-a"]) write(name, "");
    link("proc/self/ns/mnt", "mnt-host");
  });

  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  function write(path: string, text: string): void {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }

  function link(path: string, to: string): void {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    symlinkSync(join(folder, to), join(folder, path));
  }

  function runs(pid: number, net: string, mnt: string, resolvConf?: string): void {
    link(`proc/${pid}/ns/net`, net);
    link(`proc/${pid}/ns/mnt`, mnt);
    mkdirSync(join(folder, `proc/${pid}/root/lib`), { recursive: true });
    if (resolvConf !== undefined) write(`proc/${pid}/root/etc/resolv.conf`, resolvConf);
  }

  const found = (id?: string) => stubFiles({ netns: join(folder, "net-a"), ...(id && { id }) }, places);

  test("are those of a process in its namespace", () => {
    runs(7, "net-b", "mnt-a", "search other\n");
    runs(12, "net-a", "mnt-a", "search corp.example\n");
    write("proc/12/root/etc/hosts", "10.0.0.1 web\n");
    write("proc/12/maps", "7f r-xp /usr/lib/x86_64-linux-gnu/libc.so.6\n");
    expect(found()).toEqual({
      resolvConf: "search corp.example\n",
      hosts: "10.0.0.1 web\n",
      libc: "glibc",
      from: "/etc/resolv.conf of process 12",
    });
  });

  test("not of one that has only looked in from the host", () => {
    runs(9, "net-a", "mnt-host", "search host\n");
    runs(12, "net-a", "mnt-a", "search own\n");
    expect(found()).toMatchObject({ resolvConf: "search own\n" });
  });

  test("tell the libc by what the process has mapped, else by what is installed", () => {
    runs(12, "net-a", "mnt-a", "");
    expect(found()).toMatchObject({ libc: undefined });
    write("proc/12/root/lib/ld-musl-x86_64.so.1", "");
    write("proc/12/maps", "7f r-xp /usr/bin/static\n");
    expect(found()).toMatchObject({ libc: "musl" });
    write("proc/12/maps", "7f r-xp /usr/lib/x86_64-linux-gnu/libc.so.6\n");
    expect(found()).toMatchObject({ libc: "glibc" });
    write("proc/12/maps", "7f r-xp /lib/ld-musl-x86_64.so.1\n");
    expect(found()).toMatchObject({ libc: "musl" });
  });

  test("a link stays inside the container", () => {
    runs(12, "net-a", "mnt-a");
    write("proc/12/root/run/stub.conf", "search inside\n");
    mkdirSync(join(folder, "proc/12/root/etc"));
    symlinkSync("/run/stub.conf", join(folder, "proc/12/root/etc/resolv.conf"));
    expect(found()).toMatchObject({ resolvConf: "search inside\n" });
    rmSync(join(folder, "proc/12/root/run/stub.conf"));
    symlinkSync(join(folder, "net-a"), join(folder, "proc/12/root/run/stub.conf"));
    expect(found()).toMatchObject({ why: expect.stringContaining("process 12") });
  });

  test("nor is a folder that leads out of it followed", () => {
    write("elsewhere/resolv.conf", "search host\n");
    runs(12, "net-a", "mnt-a");
    symlinkSync(join(folder, "elsewhere"), join(folder, "proc/12/root/etc"));
    expect(found()).toMatchObject({ why: expect.stringContaining("process 12") });
  });

  test("the engine's copy serves where no process can be seen", () => {
    write("engine/abc/resolv.conf", "search engine\n");
    expect(found("abc")).toMatchObject({ resolvConf: "search engine\n", libc: undefined });
    expect(stubFiles({ id: "abc" }, places)).toMatchObject({ resolvConf: "search engine\n" });
  });

  test("say why there are none", () => {
    expect(stubFiles({}, places)).toEqual({ why: "it does not run, or its source does not say where" });
    expect(stubFiles({ netns: join(folder, "gone") }, places)).toMatchObject({
      why: expect.stringContaining("is not there"),
    });
    expect(found()).toMatchObject({ why: expect.stringMatching(/^no process runs in \S+$/) });
    mkdirSync(join(folder, "proc/13"));
    expect(found()).toMatchObject({ why: expect.stringContaining("CAP_SYS_PTRACE") });
  });
});
