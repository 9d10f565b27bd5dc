import type { Socket } from "node:net";
import { BriefMap } from "../base/brief-map.ts";
import type { Clock } from "../base/clock.ts";
import { onAbort } from "../base/on-abort.ts";
import { frame } from "../wire/frame.ts";
import type { Message } from "../wire/message.ts";
import { frameReader } from "./frame-reader.ts";
import { drawId, type RoundTrip, writeId } from "./round-trip.ts";

/** One TCP or TLS connection, for many questions at once (RFC 7766 §6.2.1.1). */
export interface StreamConnection {
  /** Rejects, as a `Transport`, also when the connection ends before the reply has come. */
  ask(trip: Asked): Promise<Message>;
  readonly waiting: number;
  /** Whether it came about, TLS included. */
  readonly hasOpened: boolean;
  /** How many questions were put on it. */
  readonly asked: number;
  /** How long nothing has come, in milliseconds. */
  quietMs(): number;
}

type Asked = Pick<RoundTrip, "request" | "read" | "signal" | "onConnected">;

interface Waiting {
  readonly read: (octets: Uint8Array) => Message | undefined;
  settle(end: () => void): void;
  readonly resolve: (reply: Message) => void;
  readonly reject: (why: Error) => void;
}

/**
 * Silent for so long, with a question that is given up: the other end is gone, and TCP itself would need minutes to
 * notice. Less than what is overdue (`health.ts`), after which who is answered on another connection gives it up.
 */
const SILENT_MS = 250;
/** So many questions that nobody waits for any more, and their replies still to come: the ids get few. */
const MAX_ABANDONED = 1000;

/**
 * Replies come in any order and are told apart by id and question. A question that was given up keeps its id until
 * its reply has come, so that this one is not taken for another's. `socket` is connecting or connected.
 */
export function streamConnection(options: {
  readonly socket: Socket;
  readonly clock: Clock;
  /** How long it is kept without a question; 0 closes it with the last reply. */
  readonly idleMs: number;
  /** It takes no more questions. */
  readonly onEnd: () => void;
}): StreamConnection {
  const { socket, clock, idleMs, onEnd } = options;
  const waiting = new BriefMap<Waiting>();
  const abandoned = new BriefMap<true>();
  const frames = frameReader();
  let isOpen = true;
  let heardAt = clock.now();
  let hasOpened = false;
  let asked = 0;
  const whenConnected: (() => void)[] = [];
  let isResting = false;
  let stopIdling = () => {};
  let failure: Error = Object.assign(new Error("the connection was closed without an answer"), {
    code: "EPIPE",
  });

  socket.setNoDelay(true);
  socket.once("encrypted" in socket ? "secureConnect" : "connect", () => {
    hasOpened = true;
  });
  socket.once("connect", () => {
    for (const call of whenConnected.splice(0)) call();
  });
  socket.on("error", (error) => {
    failure = error;
  });
  socket.on("end", end);
  socket.on("close", () => {
    end();
    stopIdling();
    for (const { settle, reject } of waiting.values()) settle(() => reject(failure));
  });
  socket.on("data", (chunk: Buffer) => {
    heardAt = clock.now();
    for (const octets of frames(chunk)) take(octets);
  });

  function end(): void {
    if (!isOpen) return;
    isOpen = false;
    onEnd();
  }

  function take(octets: Uint8Array): void {
    const id = octets.length < 2 ? -1 : (octets[0]! << 8) + octets[1]!;
    if (abandoned.delete(id)) return;
    // What fits nobody is for anybody to count.
    const addressee = waiting.get(id) ?? waiting.values()[0];
    const reply = addressee?.read(octets);
    if (addressee === undefined || reply === undefined) return;
    addressee.settle(() => addressee.resolve(reply));
  }

  function ask({ request, read, signal, onConnected }: Asked): Promise<Message> {
    return new Promise((resolve, reject) => {
      signal.throwIfAborted();
      const id = freeId();
      asked += 1;
      if (!socket.connecting) onConnected?.();
      else if (onConnected !== undefined) whenConnected.push(onConnected);
      writeId(request, id);
      const since = clock.now();
      const forgetSignal = onAbort(signal, () => {
        abandoned.set(id, true);
        if (clock.now() - Math.max(since, heardAt) >= SILENT_MS || abandoned.size > MAX_ABANDONED) end();
        settle(() => reject(signal.reason));
      });
      function settle(end: () => void): void {
        if (!waiting.delete(id)) return;
        forgetSignal();
        end();
        rest();
      }
      waiting.set(id, { read: (octets) => read(octets, id), settle, resolve, reject });
      stopIdling();
      // Node would note it down each time while the socket connects.
      if (isResting) socket.ref();
      isResting = false;
      // Before it is connected, Node keeps this until it is.
      socket.write(frame(request));
    });
  }

  /** With nobody waiting it keeps neither the process nor, for long, a place at the server. */
  function rest(): void {
    if (waiting.size > 0) return;
    if (!isOpen || idleMs === 0 || socket.connecting) {
      close();
      return;
    }
    socket.unref();
    isResting = true;
    stopIdling();
    stopIdling = clock.after(idleMs, close);
  }

  function close(): void {
    end();
    socket.destroy();
  }

  function freeId(): number {
    for (;;) {
      const id = drawId();
      if (!waiting.has(id) && !abandoned.has(id)) return id;
    }
  }

  return {
    ask,
    get waiting() {
      return waiting.size;
    },
    get hasOpened() {
      return hasOpened;
    },
    get asked() {
      return asked;
    },
    quietMs: () => clock.now() - heardAt,
  };
}
