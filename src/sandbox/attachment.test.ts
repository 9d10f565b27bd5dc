import { openSync } from "node:fs";
import { expect, it, vi } from "vitest";
import type { Namespace } from "../linux/namespace.ts";
import { attach } from "./attachment.ts";

vi.mock("../linux/sockets.ts", async (original) => ({
  ...(await original<typeof import("../linux/sockets.ts")>()),
  serverSockets: () => ({ udp: openSync("/dev/null", "r"), tcp: openSync("/dev/null", "r") }),
}));
vi.mock("./takeover.ts", async (original) => ({
  ...(await original<typeof import("./takeover.ts")>()),
  prepareTakeover: () => ({ close: () => Promise.reject(new Error("no such table")) }),
}));

it.skipIf(process.platform !== "linux")(
  "an attachment that fails says why, also where its table can't be deleted",
  async () => {
    const unhandled = vi.fn();
    process.on("unhandledRejection", unhandled);
    const udp = (): never => {
      throw new Error("no more sockets");
    };
    const namespace = { path: "/run/netns/web", identity: "4:1" } as Namespace;
    const serve = { udp, tcp: vi.fn() };
    expect(() => attach(namespace, true, () => "file/web", serve)).toThrow("no more sockets");
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  },
);
