import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { formatSocketAddress } from "../base/address.ts";
import { systemClock } from "../base/clock.ts";
import { silentLog } from "../base/log.ts";
import { nobodyCrowded } from "../server/tcp.ts";
import type { UdpPlane } from "../server/udp-plane.ts";
import { plainListeners } from "./listeners.ts";

/** The ports that the kernel would have chosen, in turn. */
function planeOf(ports: readonly number[], closed: number[]): UdpPlane {
  let next = 0;
  return {
    async bind({ port: wanted }) {
      const port = wanted === 0 ? ports[next++ % ports.length]! : wanted;
      const close = async (): Promise<void> => void closed.push(port);
      return {
        port,
        serve: (name) => ({ name, askerChanged() {}, close }),
        close: () => void close(),
      };
    },
    adopt() {
      throw new Error("nothing is to be adopted here");
    },
  };
}

async function freePort(address: string): Promise<number> {
  const free = createServer().listen(0, address);
  await once(free, "listening");
  const { port } = free.address() as AddressInfo;
  free.close();
  await once(free, "close");
  return port;
}

describe("a plain listener", () => {
  let other: Server;
  let taken: number;
  let closed: number[];
  beforeEach(async () => {
    closed = [];
    other = createServer().listen(0, "127.0.0.1");
    await once(other, "listening");
    taken = (other.address() as AddressInfo).port;
  });
  afterEach(() => void other.close());

  const listenersWith = (ports: readonly number[]) =>
    plainListeners({
      plane: planeOf(ports, closed),
      handler: { handle: async () => undefined },
      sandboxByAddress: () => undefined,
      crowded: nobodyCrowded(),
      clock: systemClock,
      log: silentLog,
    });

  test("with port 0 takes one that is free for both UDP and TCP", async () => {
    const port = await freePort("127.0.0.1");
    const listeners = listenersWith([taken, port]);
    const prepared = await listeners.prepare([{ address: "127.0.0.1", port: 0 }]);
    await prepared.commit();
    expect(listeners.names()).toEqual([`127.0.0.1:${port}`]);
    expect(closed).toEqual([taken]);
    await listeners.close();
  });

  test("with port 0 gives up where none is free for both", async () => {
    const refused = listenersWith([taken]).prepare([{ address: "127.0.0.1", port: 0 }]);
    await expect(refused).rejects.toMatchObject({
      code: "LISTEN",
      message: expect.stringContaining("(tcp)"),
    });
  });

  test("does not go elsewhere than it was told to", async () => {
    const refused = listenersWith([1]).prepare([{ address: "127.0.0.1", port: taken }]);
    await expect(refused).rejects.toMatchObject({ code: "LISTEN" });
    expect(closed).toEqual([taken]);
  });

  describe.each([
    { wildcard: "0.0.0.0", one: "127.0.0.1" },
    { wildcard: "::", one: "::1" },
  ])("at $one", ({ wildcard, one }) => {
    test.each([
      { title: "before a wildcard", addresses: [one, wildcard] },
      { title: "after a wildcard", addresses: [wildcard, one] },
      { title: "twice", addresses: [one, one] },
    ])("is opened once, and closed once, where it is configured $title", async ({ addresses }) => {
      const port = await freePort(wildcard);
      const listeners = listenersWith([]);
      const wanted = addresses.map((address) => ({ address, port }));
      await (await listeners.prepare(wanted)).commit();
      const names = listeners.names();
      expect(names).toContain(formatSocketAddress({ address: one, port }));

      await (await listeners.prepare(wanted.slice(1))).commit();
      await (await listeners.prepare(wanted)).commit();
      expect(new Set(listeners.names())).toEqual(new Set(names));

      closed.length = 0;
      await (await listeners.prepare([])).commit();
      expect(closed).toHaveLength(names.length);
    });
  });
});
