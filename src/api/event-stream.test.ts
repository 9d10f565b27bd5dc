import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { WatchEvent } from "./control.ts";
import { eventStreams } from "./event-stream.ts";

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());

/** What comes within some milliseconds is written together. */
const turn = () => vi.runAllTimers();

/** A response whose reader takes what the test says. */
function reader() {
  const lines: string[] = [];
  const outgoing = Object.assign(new EventEmitter(), {
    writableLength: 0,
    writableEnded: false,
    write: (text: string) => lines.push(text),
    writeHead: () => outgoing,
    flushHeaders() {},
    end: () => void outgoing.emit("close"),
  });
  return { lines, outgoing, response: outgoing as unknown as ServerResponse };
}

test("what a slow reader leaves is dropped, counted, and told when it reads on", () => {
  const { lines, outgoing, response } = reader();
  let take: (event: WatchEvent) => void = () => {};
  eventStreams().start(response, (taker) => {
    take = taker;
    return () => {};
  });
  take({ skipped: 1 });
  take({ skipped: 2 });
  turn();
  expect(lines).toEqual(['{"skipped":1}\n{"skipped":2}\n']);
  outgoing.writableLength = 2 * 1024 * 1024;
  for (let i = 0; i < 1000; i++) take({ skipped: 1 });
  turn();
  expect(lines).toHaveLength(1);
  outgoing.writableLength = 0;
  outgoing.emit("drain");
  turn();
  expect(lines[1]).toBe('{"skipped":1000}\n');
});

test("a reader who goes is no longer told anything", () => {
  const { outgoing, response } = reader();
  const stop = vi.fn();
  eventStreams().start(response, () => stop);
  outgoing.emit("close");
  expect(stop).toHaveBeenCalledTimes(1);
});

test("what came just before the end is written", async () => {
  const { lines, response } = reader();
  const streams = eventStreams();
  streams.start(response, (take) => {
    take({ skipped: 1 });
    return () => {};
  });
  await streams.end();
  expect(lines).toEqual(['{"skipped":1}\n']);
});

test("at the end all are ended", async () => {
  const streams = eventStreams();
  const stop = vi.fn();
  for (const { response } of [reader(), reader()]) streams.start(response, () => stop);
  await streams.end();
  expect(stop).toHaveBeenCalled();
  await streams.end();
});

test("what can't be watched is thrown before anything is sent", () => {
  const { response } = reader();
  const refuse = () => {
    throw new Error("no");
  };
  expect(() => eventStreams().start(response, refuse)).toThrow("no");
});
