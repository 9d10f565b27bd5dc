import type { ServerResponse } from "node:http";
import type { WatchEvent } from "./control.ts";
import { LINES_TYPE } from "./lines.ts";

/** What may wait for a slow reader; beyond it, events are dropped and counted. */
const MAX_UNSENT_OCTETS = 1024 * 1024;
/** How long events wait for others: each write is a system call, and wakes the reader. Nobody reads faster. */
const BATCH_MS = 20;
/** How long the end waits for a reader to take what is left. */
const END_MS = 200;

/** Responses that go on until somebody ends them. */
export interface EventStreams {
  /**
   * Answers with the events that `subscribe` gives, a JSON document a line, until the reader goes or the streams are
   * ended. What `subscribe` throws is thrown before anything is sent.
   */
  start(outgoing: ServerResponse, subscribe: (take: (event: WatchEvent) => void) => () => void): void;
  /** Ends all of them in order, with what the readers take soon. */
  end(): Promise<void>;
}

export function eventStreams(): EventStreams {
  const running = new Map<ServerResponse, () => void>();

  function start(
    outgoing: ServerResponse,
    subscribe: (take: (event: WatchEvent) => void) => () => void,
  ): void {
    let dropped = 0;
    let batch = "";
    const add = (event: WatchEvent): void => {
      if (batch === "") setTimeout(flush, BATCH_MS).unref();
      batch += `${JSON.stringify(event)}\n`;
    };
    function flush(): void {
      if (batch !== "" && !outgoing.writableEnded) outgoing.write(batch);
      batch = "";
    }
    function tellDropped(): void {
      if (dropped === 0) return;
      const skipped = dropped;
      dropped = 0;
      add({ skipped });
    }
    const unsubscribe = subscribe((event) => {
      if (outgoing.writableLength + batch.length > MAX_UNSENT_OCTETS) {
        dropped += "skipped" in event ? event.skipped : 1;
        return;
      }
      tellDropped();
      add(event);
    });
    const stop = (): void => {
      unsubscribe();
      flush();
    };
    running.set(outgoing, stop);
    outgoing.on("drain", tellDropped);
    outgoing.once("close", () => {
      running.delete(outgoing);
      stop();
    });
    outgoing.on("error", () => {});
    outgoing.writeHead(200, { "content-type": LINES_TYPE }).flushHeaders();
  }

  async function end(): Promise<void> {
    const ended = [...running].map(([outgoing, stop]) => {
      stop();
      return new Promise<void>((resolve) => {
        outgoing.once("close", resolve);
        outgoing.end();
        setTimeout(resolve, END_MS).unref();
      });
    });
    await Promise.all(ended);
  }

  return { start, end };
}
