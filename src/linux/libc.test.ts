import { createSocket } from "node:dgram";
import { closeSync } from "node:fs";
import { afterEach, describe, expect, it, vi } from "vitest";
import { CodedError } from "../base/errors.ts";
import { errnoName, libc, linuxSupport, SystemError } from "./libc.ts";
import { skipped, whyNot } from "./namespace-fixture.suite.ts";
import { udpServerHere } from "./sockets.ts";

const SOL_SOCKET = 1;
const SO_RCVBUF = 8;
const MSG_DONTWAIT = 0x40;

describe.skipIf(whyNot !== undefined)(`libc${skipped}`, () => {
  it("says that Linux is supported", () => {
    expect(linuxSupport()).toEqual({ ok: true });
  });

  it("throws what errno says, by its name", () => {
    const refused = () => libc().listen(-1, 1);
    expect(refused).toThrow(SystemError);
    expect(refused).toThrow(expect.objectContaining({ code: "EBADF", errno: 9, syscall: "listen" }));
  });
});

describe.skipIf(whyNot !== undefined)(`a socket that nobody reads${skipped}`, () => {
  it("says how many datagrams were thrown away", async () => {
    const { fd, port } = udpServerHere({ address: "127.0.0.1", port: 0 });
    libc().setsockopt(fd, SOL_SOCKET, SO_RCVBUF, 1);
    const client = createSocket("udp4");
    const send = () => new Promise((resolve) => client.send(Buffer.alloc(1000), port, "127.0.0.1", resolve));
    expect(libc().droppedAt(fd)).toBe(0);
    const SENT = 50;
    for (let count = 0; count < SENT; count++) await send();
    const dropped = libc().droppedAt(fd);
    let kept = 0;
    while (libc().receiveFrom(fd, Buffer.alloc(1000), MSG_DONTWAIT, Buffer.alloc(28), Uint32Array.of(28)) > 0)
      kept++;
    expect(dropped).toBeGreaterThan(0);
    expect(dropped + kept).toBe(SENT);
    client.close();
    closeSync(fd);
  });
});

describe("errnoName", () => {
  it("finds the errno of a system error and of a coded error's cause", () => {
    const inUse = new SystemError("bind", 98);
    expect(errnoName(inUse)).toBe("EADDRINUSE");
    expect(errnoName(new CodedError("ATTACH", "Cannot attach", { cause: inUse }))).toBe("EADDRINUSE");
  });

  it("finds none in anything else", () => {
    expect(errnoName(new Error("no"))).toBeUndefined();
    expect(errnoName(new CodedError("ATTACH", "Cannot attach"))).toBeUndefined();
    expect(errnoName(undefined)).toBeUndefined();
  });
});

describe("libc on a platform that is not supported", () => {
  const { platform, arch } = process;
  const pretend = (key: "platform" | "arch", value: string) => Object.defineProperty(process, key, { value });

  afterEach(() => {
    pretend("platform", platform);
    pretend("arch", arch);
    vi.resetModules();
  });

  it("says why instead of failing at import", async () => {
    vi.resetModules();
    pretend("platform", "darwin");
    const elsewhere = await import("./libc.ts");
    expect(elsewhere.linuxSupport()).toEqual({ ok: false, why: "this is darwin, not Linux" });
    expect(() => elsewhere.libc()).toThrow(/Cannot call the C library: this is darwin, not Linux/);
  });

  it("refuses an architecture with other numbers", async () => {
    vi.resetModules();
    pretend("platform", "linux");
    pretend("arch", "mips");
    const elsewhere = await import("./libc.ts");
    expect(elsewhere.linuxSupport()).toEqual({ ok: false, why: "mips is not supported" });
  });
});

describe.skipIf(process.platform !== "linux")("libc without koffi", () => {
  afterEach(() => {
    vi.doUnmock("node:module");
    vi.resetModules();
  });

  it("says why on one line", async () => {
    vi.resetModules();
    vi.doMock("node:module", () => ({
      createRequire: () => () => {
        throw new Error("Cannot find module 'koffi'\nRequire stack:\n- /opt/eleven/dist/eleven.js");
      },
    }));
    const without = await import("./libc.ts");
    const why = "koffi did not load: Cannot find module 'koffi'";
    expect(without.linuxSupport()).toEqual({ ok: false, why });
  });
});
