import type { Clock } from "../base/clock.ts";
import { Stopper } from "../base/stopper.ts";
import type { Exchange, ExchangeCall } from "./exchange.ts";
import { OVER } from "./race.ts";
import type { Silence } from "./silence.ts";

/** How many servers are listened to beside the queries in flight. */
export interface Listening {
  count: number;
}

/** How long a server that passes for silent on a type is listened to: longer than any recursion takes. */
export const SILENT_LISTEN_MS = 4000;
/** Each is a socket; beyond it nothing is learnt that the others do not tell. */
export const MAX_LISTENING = 256;
/** Of these for what is silent: a zone of many such names must not keep the slow servers from being seen. */
export const MAX_SILENT_LISTENING = 128;

/**
 * Puts a question aside to a server that passes for silent on it, and listens whether it still is: a query that another
 * one answers is not sent to it, and would never find out. Never rejects.
 */
export async function listenAside({
  call,
  key,
  exchange,
  silence,
  listening,
  clock,
}: {
  call: Omit<ExchangeCall, "signal">;
  key: string;
  exchange: Exchange;
  silence: Silence;
  listening: Listening;
  clock: Clock;
}): Promise<void> {
  const { name, type } = call.question;
  listening.count++;
  const stop = new Stopper();
  const cancel = clock.after(SILENT_LISTEN_MS, () => stop.abort(OVER));
  const began = clock.now();
  try {
    await exchange({ ...call, fresh: true, signal: stop });
    silence.spoke(key, name, type, clock.now() - began);
  } catch {
    // It is silent still. What else is wrong with it, queries for A find out.
  } finally {
    cancel();
    listening.count--;
  }
}
