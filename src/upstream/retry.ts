import type { Clock } from "../base/clock.ts";
import type { Contender } from "./contender.ts";
import type { Exchange, ExchangeCall } from "./exchange.ts";
import { isFaultOfServer, sayWhy, TIMED_OUT } from "./failures.ts";
import type { Health } from "./health.ts";

/**
 * The servers that are down and due, of those that a query could go to; each is claimed by being named here. None
 * where even the best is down: there the race asks every one of them anyway.
 */
export function dueForRetry(contenders: readonly Contender[], health: Health): readonly Contender[] {
  if (health.of(contenders[0]!.key).state === "down") return [];
  return contenders.filter(({ key }) => health.claimRetry(key));
}

/**
 * Tries a server that is down with the question of a query that somebody else answers. Nobody waits for it, and
 * its answer is not used: it is only there to be learnt from. Never rejects.
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
    await exchange({ ...call, signal: stop.signal });
    health.answered(key, clock.now() - began);
  } catch (error) {
    if (stop.signal.aborted) health.failed(key, TIMED_OUT);
    else if (isFaultOfServer(error)) health.failed(key, sayWhy(error));
  } finally {
    cancel();
  }
}
