import { FRAME_LENGTH, frame } from "../wire/frame.ts";
import type { Message } from "../wire/message.ts";
import { onAbort } from "./on-abort.ts";
import { familyOf, type RoundTrip } from "./round-trip.ts";

/** Asks over TCP on a connection of its own. It is only used after truncation, so it is not worth keeping open. */
export function askTcp({ server, dialer, request, read, signal }: RoundTrip): Promise<Message> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const socket = dialer.tcp(familyOf(server));
    let ended = false;

    function end(settle: () => void): void {
      if (ended) return;
      ended = true;
      forgetSignal();
      socket.destroy();
      settle();
    }
    const fail = (error: Error) => end(() => reject(error));
    const forgetSignal = onAbort(signal, () => fail(signal.reason));

    socket.on("error", fail);
    socket.on("close", () => fail(new Error("the connection was closed without an answer")));
    const frames = frameReader();
    socket.on("data", (chunk: Buffer) => {
      for (const octets of frames(chunk)) {
        const reply = read(octets);
        if (reply !== undefined) return end(() => resolve(reply));
      }
    });
    socket.setNoDelay(true);
    socket.connect(server.port, server.address, () => socket.write(frame(request)));
  });
}

/** Gives, for each chunk of a stream however it was cut, the messages that are complete with it. */
export function frameReader(): (chunk: Buffer) => Buffer[] {
  let rest: Buffer = Buffer.alloc(0);
  return function frames(chunk) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const complete: Buffer[] = [];
    while (rest.length >= FRAME_LENGTH) {
      const end = FRAME_LENGTH + rest.readUInt16BE(0);
      if (rest.length < end) break;
      complete.push(rest.subarray(FRAME_LENGTH, end));
      rest = rest.subarray(end);
    }
    return complete;
  };
}
