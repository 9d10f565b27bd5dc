import type { Clock } from "../base/clock.ts";
import type { Exchange, ExchangeCall } from "./exchange.ts";
import { isFaultOfServer, sayWhy, TIMED_OUT } from "./failures.ts";
import type { Health } from "./health.ts";

/**
 * Tries a server out of any client's way. Nobody waits for it, and its answer is not used: it is only there to be learnt
 * from. Never rejects.
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
    await exchange({ ...call, fresh: true, signal: stop.signal });
    health.answered(key, clock.now() - began);
  } catch (error) {
    if (stop.signal.aborted) health.failed(key, TIMED_OUT);
    else if (isFaultOfServer(error)) health.failed(key, sayWhy(error));
  } finally {
    cancel();
  }
}
