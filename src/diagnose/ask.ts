import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { onAbort } from "../base/on-abort.ts";
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

/** After so long without a reply the question is asked once more, since one datagram may be lost. */
export const TRY_MS = 700;
/** Both tries are listened to until then: a server that is on the way to anybody's answer says something by then. */
const LISTEN_MS = 2 * TRY_MS;
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

  function once(inquiry: Inquiry, limit: AbortSignal, overTcp = false): Promise<Message> {
    const { dialer, server, name, type, tcpPort = server.port } = inquiry;
    return exchange({
      server: overTcp ? { ...server, port: tcpPort } : server,
      dialer,
      question: { name, type, class: RrClass.IN },
      flags: { rd: true, cd: false, ad: false, do: false },
      signal: limit,
      overTcp,
    });
  }

  async function whole(inquiry: Inquiry, limit: AbortSignal): Promise<Message> {
    try {
      return await once(inquiry, limit);
    } catch (error) {
      if (error instanceof CutOff && inquiry.tcpPort !== undefined) return once(inquiry, limit, true);
      throw error;
    }
  }

  /** Rejects with the error of the later try. */
  async function twice(inquiry: Inquiry, limit: AbortSignal): Promise<Message> {
    const first = whole(inquiry, limit);
    if ((await isAnswered(first)) || limit.aborted) return first;
    // The first may only be late: to forget it would be to call a slow server dead.
    return Promise.any([first, whole(inquiry, limit)]).catch(({ errors }: AggregateError) => {
      throw errors.at(-1);
    });
  }

  /** Waits for it no longer than a try takes; false as soon as it has failed. */
  async function isAnswered(one: Promise<Message>): Promise<boolean> {
    let cancel = () => {};
    const late = new Promise<boolean>((resolve) => {
      cancel = clock.after(TRY_MS, () => resolve(false));
    });
    const settled = one.then(
      () => true,
      () => false,
    );
    return Promise.race([settled, late]).finally(cancel);
  }

  async function tell(inquiry: Inquiry): Promise<Reply> {
    const began = clock.now();
    if (signal.aborted) return { message: undefined, ms: 0, why: "the doctor's time was over" };
    const limit = new AbortController();
    const cancel = clock.after(LISTEN_MS, () => limit.abort(new Error(SILENT)));
    const forget = onAbort(signal, () => limit.abort(signal.reason));
    try {
      return { message: await twice(inquiry, limit.signal), ms: clock.now() - began };
    } catch (error) {
      const why = isFaultOfServer(error) ? `it ${sayWhy(error)}` : messageOf(error);
      return { message: undefined, ms: clock.now() - began, why };
    } finally {
      cancel();
      forget();
      // Nobody waits for the other try any more.
      limit.abort();
    }
  }

  return (inquiry) => turn(() => tell(inquiry));
}

const SILENT = `no answer within ${LISTEN_MS} ms`;
