import { closeSync, openSync } from "node:fs";
import { expect, test } from "vitest";
import { systemClock } from "../base/clock.ts";
import { linuxSupport } from "../linux/libc.ts";
import type { PollSet } from "../linux/poller.ts";
import { BY_ADDRESS, CLOSED, SOCKETS_MAX, Socket } from "./memory.ts";
import { planeSockets } from "./plane-sockets.ts";
import { quiescence } from "./quiescence.ts";

function fixture() {
  const memory = new SharedArrayBuffer(4 * Socket.WORDS * SOCKETS_MAX);
  const rows = new Uint32Array(memory);
  const watched: string[] = [];
  const set = {
    add: (fd: number, key: number, detail: number) => void watched.push(`${fd} ${key} ${detail}`),
    remove: (fd: number) =>
      void watched.splice(
        watched.findIndex((each) => each.startsWith(`${fd} `)),
        1,
      ),
  } as unknown as PollSet;
  const sockets = planeSockets({
    memory,
    sets: [set],
    quiescence: quiescence([]),
    async takeMisses() {},
    clock: systemClock,
  });
  const word = (index: number, which: number) => rows[index * Socket.WORDS + which];
  return { sockets, watched, word };
}

const asker = () => undefined;

test("rows of clients that are gone are forgotten at their sockets, and nowhere else", () => {
  const { sockets, word } = fixture();
  const [a, b, c, plain] = [3, 4, 5, 6].map((fd) => sockets.open(fd, fd === 6, asker));
  sockets.setClient(a!, 7);
  sockets.setClient(b!, 8);
  sockets.setClient(c!, 9);
  sockets.setClient(plain!, 7);
  sockets.forgetClients([7, 9, 1]);
  const clients = [a, b, c, plain].map((socket) => word(socket!.index, Socket.CLIENT));
  expect(clients).toEqual([0, 8, 0, BY_ADDRESS]);
});

test.skipIf(!linuxSupport().ok)(
  "a socket that was closed is nobody's, and its row another generation",
  async () => {
    const { sockets, watched, word } = fixture();
    const fd = openSync("/dev/null", "r");
    const socket = sockets.open(fd, false, asker);
    expect(watched).toEqual([`${fd} ${socket.index} ${socket.generation}`]);
    await sockets.close(socket, () => {});
    expect([watched, word(socket.index, Socket.FD)]).toEqual([[], CLOSED]);
    expect(() => closeSync(fd)).toThrow(/EBADF/);
    expect(sockets.get(socket.index, socket.generation)).toBeUndefined();
    const next = sockets.open(99, false, asker);
    expect([next.index, next.generation === socket.generation]).toEqual([socket.index, false]);
    // What was decided for the last one is not for this one.
    sockets.setClient(socket, 5);
    expect([word(next.index, Socket.CLIENT), sockets.get(next.index, socket.generation)]).toEqual([
      0,
      undefined,
    ]);
    expect(sockets.get(next.index, next.generation)).toBe(next);
  },
);

test("a socket that the kernel does not watch takes up nothing", () => {
  const set = {
    add() {
      throw new Error("ENOSPC");
    },
  } as unknown as PollSet;
  const memory = new SharedArrayBuffer(4 * Socket.WORDS * SOCKETS_MAX);
  const rest = { quiescence: quiescence([]), async takeMisses() {}, clock: systemClock };
  const sockets = planeSockets({ memory, sets: [set], ...rest });
  for (let i = 0; i <= SOCKETS_MAX; i++) expect(() => sockets.open(3, false, asker)).toThrow("ENOSPC");
});
