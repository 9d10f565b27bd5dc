import { onAbort } from "../base/on-abort.ts";
import type { Message } from "../wire/message.ts";
import { drawId, type RoundTrip, writeId } from "./round-trip.ts";

/** Asks over UDP, in a flow of its own that is closed before the promise settles. */
export function askUdp({ server, dialer, fresh, request, read, signal }: RoundTrip): Promise<Message> {
  return new Promise((resolve, reject) => {
    signal.throwIfAborted();
    const id = drawId();
    writeId(request, id);
    const listener = {
      message(octets: Uint8Array) {
        const reply = read(octets, id);
        if (reply === undefined) return;
        end();
        resolve(reply);
      },
      failed,
    };
    const flow = dialer.udp(server, listener, fresh);
    const forgetSignal = onAbort(signal, () => failed(signal.reason as Error));
    flow.send(request);

    function failed(error: Error): void {
      end();
      reject(error);
    }
    function end(): void {
      forgetSignal();
      flow.close();
    }
  });
}
