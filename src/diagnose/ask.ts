import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import type { ServerAddress } from "../base/server-address.ts";
import type { Dialer } from "../upstream/dialer.ts";
import { CutOff, type Exchange } from "../upstream/exchange.ts";
import { isFaultOfServer, sayWhy } from "../upstream/failures.ts";
import { RrClass } from "../wire/iana.ts";
import type { Message, Name } from "../wire/message.ts";
import { gate } from "./gate.ts";

/** One question of a check to one server. */
export interface Inquiry {
  readonly dialer: Dialer;
  readonly server: ServerAddress;
  readonly name: Name;
  readonly type: number;
  /** Where the server listens for TCP, if that is another port: Docker's resolver has two. */
  readonly tcpPort?: number | undefined;
}

/** A reply of whatever rcode; or that there was none, and why. */
export type Reply =
  | { readonly message: Message; readonly ms: number; readonly why?: undefined }
  | { readonly message: undefined; readonly ms: number; readonly why: string };

export type Ask = (inquiry: Inquiry) => Promise<Reply>;

/** Two tries, since one datagram may be lost: a server that is on the way to anybody's answer says something by then. */
const TRIES = 2;
export const TRY_MS = 700;
/** Of all servers together. Docker's resolvers take thousands a second, and each socket holds some 250 (observed). */
const AT_ONCE = 128;

/** Asks without waiting long and never throws. `signal` ends all questions, those that wait for their turn too. */
export function asker({
  exchange,
  clock,
  signal,
}: {
  exchange: Exchange;
  clock: Clock;
  signal: AbortSignal;
}): Ask {
  const turn = gate(AT_ONCE);

  async function once(inquiry: Inquiry, overTcp: boolean): Promise<Message> {
    const { dialer, server, name, type, tcpPort = server.port } = inquiry;
    const limit = new AbortController();
    const abort = () => limit.abort(signal.reason);
    signal.addEventListener("abort", abort);
    const cancel = clock.after(TRY_MS, () => limit.abort(new Error(SILENT)));
    try {
      return await exchange({
        server: overTcp ? { ...server, port: tcpPort } : server,
        dialer,
        question: { name, type, class: RrClass.IN },
        flags: { rd: true, cd: false, ad: false, do: false },
        signal: limit.signal,
        overTcp,
      });
    } finally {
      cancel();
      signal.removeEventListener("abort", abort);
    }
  }

  async function tries(inquiry: Inquiry): Promise<Reply> {
    const began = clock.now();
    let why = "the doctor's time was over";
    for (let tried = 0; tried < TRIES && !signal.aborted; tried++) {
      try {
        const message = await once(inquiry, false).catch((error: unknown) => {
          if (error instanceof CutOff && inquiry.tcpPort !== undefined) return once(inquiry, true);
          throw error;
        });
        return { message, ms: clock.now() - began };
      } catch (error) {
        why = isFaultOfServer(error) ? `it ${sayWhy(error)}` : messageOf(error);
      }
    }
    return { message: undefined, ms: clock.now() - began, why };
  }

  return (inquiry) => turn(() => tries(inquiry));
}

const SILENT = `no answer within ${TRY_MS} ms`;
