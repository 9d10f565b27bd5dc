import { execFileSync } from "node:child_process";
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { inNamespace, namespaceSupport, openNamespace } from "./namespace.ts";
import { namespaceFixture, openDescriptors, skipped, whyNot } from "./namespace-fixture.suite.ts";

const current = () => readlinkSync("/proc/thread-self/ns/net");

describe.skipIf(whyNot !== undefined)(`namespace${skipped}`, () => {
  const namespaces = namespaceFixture();
  afterEach(namespaces.cleanup);

  it("is entered for one function, and left when that returns or throws", () => {
    const home = current();
    const namespace = openNamespace(namespaces.add());
    expect(inNamespace(namespace, current)).not.toBe(home);
    expect(current()).toBe(home);
    expect(() =>
      inNamespace(namespace, () => {
        throw new Error("inside");
      }),
    ).toThrow("inside");
    expect(current()).toBe(home);
    namespace.close();
  });

  it("takes no asynchronous function", () => {
    const namespace = openNamespace(namespaces.add());
    // @ts-expect-error It would go on outside.
    void inNamespace(namespace, async () => 1);
    namespace.close();
  });

  it("knows whether its path still names it", () => {
    const path = namespaces.add();
    const namespace = openNamespace(path);
    expect(namespace.isCurrent()).toBe(true);
    namespaces.recreate(path);
    expect(namespace.isCurrent()).toBe(false);
    const successor = openNamespace(path);
    expect(successor.identity).not.toBe(namespace.identity);
    namespaces.remove(path);
    expect(successor.isCurrent()).toBe(false);
    namespace.close();
    successor.close();
  });

  it("does not keep its file from being unmounted", () => {
    const path = namespaces.add();
    const namespace = openNamespace(path);
    execFileSync("umount", [path]);
    expect(namespace.isCurrent()).toBe(false);
    namespace.close();
    namespaces.recreate(path);
  });

  it("can't be entered once closed", () => {
    const namespace = openNamespace(namespaces.add());
    namespace.close();
    namespace.close();
    expect(() => inNamespace(namespace, current)).toThrow(/Cannot enter .*: it was let go of/);
  });

  it("says what is wrong with a path, and keeps no descriptor of it", () => {
    const directory = mkdtempSync(join(tmpdir(), "el-t-"));
    const file = join(directory, "web-1");
    writeFileSync(file, "");
    const before = openDescriptors();
    expect(() => openNamespace(join(directory, "none"))).toThrow(
      expect.objectContaining({ code: "ATTACH", message: expect.stringContaining("there is none") }),
    );
    for (const other of [file, directory, "/proc/self/ns/mnt"]) {
      expect(() => openNamespace(other)).toThrow(
        expect.objectContaining({ code: "ATTACH", message: expect.stringContaining("it is something else") }),
      );
    }
    expect(openDescriptors()).toBe(before);
    rmSync(directory, { recursive: true });
  });

  it.skipIf(process.seteuid === undefined)("asks for root where that is what is missing", () => {
    const path = namespaces.add();
    const outcome = unprivileged(() => {
      try {
        openNamespace(path);
        return "entered";
      } catch (error) {
        return error;
      }
    });
    expect(outcome).toMatchObject({ code: "ATTACH", remedy: expect.stringContaining("CAP_SYS_ADMIN") });
    expect(() => unprivileged(() => openNamespace("/proc/1/ns/net"))).toThrow(
      expect.objectContaining({ code: "ATTACH", remedy: expect.stringContaining("CAP_SYS_PTRACE") }),
    );
    expect(unprivileged(namespaceSupport)).toEqual({
      ok: false,
      why: "not permitted to; it takes root, or CAP_SYS_ADMIN",
    });
  });
});

/** As nobody; synchronous, so that nothing else of this process runs so. */
function unprivileged<T>(fn: () => T): T {
  process.seteuid?.(65534);
  try {
    return fn();
  } finally {
    process.seteuid?.(0);
  }
}
