import type { Clock } from "../base/clock.ts";
import { RrType } from "../wire/iana.ts";
import type { Exchange, ExchangeCall } from "./exchange.ts";
import { isFaultOfServer, sayWhy, TIMED_OUT } from "./failures.ts";
import type { Health } from "./health.ts";

/**
 * Tries a server with the name that a client asks for while somebody else answers the client. Nobody waits for it,
 * and its answer is not used: it is only there to be learnt from. A is asked for, whatever the client wants, since a
 * server may be silent on other types and yet alive. Never rejects.
 */
export async function retry({
  call,
  key,
  exchange,
  health,
  clock,
  limitMs,
}: {
  call: Omit<ExchangeCall, "signal">;
  key: string;
  exchange: Exchange;
  health: Health;
  clock: Clock;
  limitMs: number;
}): Promise<void> {
  const stop = new AbortController();
  const cancel = clock.after(limitMs, () => stop.abort());
  const began = clock.now();
  try {
    const question = { ...call.question, type: RrType.A };
    await exchange({ ...call, question, fresh: true, signal: stop.signal });
    health.answered(key, clock.now() - began);
  } catch (error) {
    if (stop.signal.aborted) health.failed(key, TIMED_OUT);
    else if (isFaultOfServer(error)) health.failed(key, sayWhy(error));
  } finally {
    cancel();
  }
}
