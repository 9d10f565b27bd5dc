import { expect, it, vi } from "vitest";

const written: string[] = [];
const calls: number[] = [];

vi.mock("./libc.ts", async (original) => ({
  ...(await original<typeof import("./libc.ts")>()),
  // Entered twice (once when opened), and the second time there is no way back.
  libc: () => ({
    setns(fd: number) {
      calls.push(fd);
      if (calls.length === 4) throw new Error("setns: EPERM");
    },
  }),
}));
vi.mock("node:fs", async (original) => ({
  ...(await original<typeof import("node:fs")>()),
  writeSync: (_fd: number, text: string) => written.push(text),
}));

it.skipIf(process.platform !== "linux")("a namespace that can't be left ends the process", async () => {
  const abort = vi.spyOn(process, "abort").mockReturnValue(undefined as never);
  const { inNamespace, openNamespace } = await import("./namespace.ts");
  const namespace = openNamespace("/proc/self/ns/net");
  inNamespace(namespace, () => undefined);
  expect(abort).toHaveBeenCalledOnce();
  expect(written).toEqual([
    "eleven: cannot return from the network namespace /proc/self/ns/net: setns: EPERM\n",
  ]);
  namespace.close();
});
