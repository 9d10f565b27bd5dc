import type { Socket } from "node:net";
import type { Clock } from "../base/clock.ts";
import { frame } from "../wire/frame.ts";
import { quietTurn } from "./listener.ts";

/** A connection on which nothing happens is closed (RFC 7766 §6.2.3: "of the order of a few seconds"). */
export const IDLE_MS = 10_000;
/** A message must be whole this long after its first octet: a client that drips octets does not hold a place. */
export const MESSAGE_MS = 5_000;
/** Queries of one connection in work at once; then its reading waits, nobody else's (RFC 7766 §6.2.1.1). */
export const PIPELINE_MAX = 128;
/** How long we wait, when we are to end it, for the query of a client that has connected but not asked yet. */
export const FIRST_QUERY_MS = 200;
/**
 * Queries taken of one connection in one turn of the event loop. Answers from the registry are ready at once, so
 * without this bound a client that sends without a pause would be served as long as it does, and nobody else.
 */
export const TURN_MAX = 16;
/** Octets of answers that a client may leave unread before we read no more queries of it. */
const UNREAD_MAX = 256 * 1024;

export interface Served {
  /** Whether a query is being worked on, or waits for that. */
  readonly isInWork: boolean;
  /** Whether there was a query at all. */
  readonly hasAsked: boolean;
  finish(): void;
}

/**
 * Serves one TCP connection: two octets of length before each message (RFC 1035 §4.2.2), answers in the order in
 * which they become ready (RFC 7766 §7). Any fault ends this connection and nothing else. `active` is called for
 * every whole message, and every answer. `finish` ends it once what has been asked, or is just being asked, is answered.
 */
export function serveConnection(options: {
  readonly socket: Socket;
  readonly handle: (octets: Uint8Array) => Promise<Uint8Array | undefined>;
  readonly clock: Clock;
  readonly active: () => void;
}): Served {
  const { socket, handle, clock, active } = options;
  let buffered: Buffer = Buffer.alloc(0);
  let inWork = 0;
  let takenInTurn = 0;
  let chunks = 0;
  let hasAsked = false;
  let finishing = false;
  let cancelDeadline: (() => void) | undefined;

  socket.setNoDelay(true);
  socket.setTimeout(IDLE_MS, () => socket.destroy());
  // Resets and broken pipes are the client's affair; without a listener they would end the process.
  socket.on("error", () => socket.destroy());
  socket.on("close", () => cancelDeadline?.());
  socket.on("data", (chunk: Buffer) => {
    chunks++;
    buffered = buffered.length === 0 ? chunk : Buffer.concat([buffered, chunk]);
    takeMessages();
  });
  // A client may close its sending side and still wait for answers.
  socket.on("end", end);
  socket.on("drain", takeMessages);

  function takeMessages(): void {
    while (!isBusy() && holdsMessage()) {
      const end = 2 + buffered.readUInt16BE(0);
      // An empty message can't be answered, and reading on would only serve whoever sends a stream of them.
      if (end === 2) return void socket.destroy();
      const octets = buffered.subarray(2, end);
      buffered = buffered.subarray(end);
      cancelDeadline?.();
      cancelDeadline = undefined;
      active();
      hasAsked = true;
      if (takenInTurn++ === 0) setImmediate(nextTurn);
      void answer(octets);
    }
    if (isBusy()) socket.pause();
    else {
      if (buffered.length > 0) cancelDeadline ??= clock.after(MESSAGE_MS, () => socket.destroy());
      socket.resume();
    }
    endIfDone();
  }

  function nextTurn(): void {
    takenInTurn = 0;
    if (!socket.destroyed) takeMessages();
  }

  async function answer(octets: Uint8Array): Promise<void> {
    inWork++;
    const response = await handle(octets);
    inWork--;
    if (socket.destroyed) return;
    active();
    if (response !== undefined) socket.write(frame(response));
    takeMessages();
  }

  const holdsMessage = (): boolean => buffered.length >= 2 && buffered.length >= 2 + buffered.readUInt16BE(0);
  const isBusy = (): boolean =>
    inWork >= PIPELINE_MAX || takenInTurn >= TURN_MAX || socket.writableLength > UNREAD_MAX;

  async function finish(): Promise<void> {
    // What the kernel has received already would be lost.
    await quietTurn(
      () => chunks,
      () => socket.destroyed,
    );
    if (hasAsked) end();
    else clock.after(FIRST_QUERY_MS, end);
  }

  function end(): void {
    finishing = true;
    endIfDone();
  }

  function endIfDone(): void {
    // Not `end`, which would wait for the other side to close, too.
    if (finishing && inWork === 0 && !holdsMessage()) socket.destroySoon();
  }

  return {
    get isInWork() {
      return inWork > 0 || holdsMessage();
    },
    get hasAsked() {
      return hasAsked;
    },
    finish: () => void finish(),
  };
}
