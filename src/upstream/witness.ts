import type { Clock } from "../base/clock.ts";
import type { Query } from "../resolver/resolver.ts";
import { RrClass, RrType } from "../wire/iana.ts";
import type { Message, Question } from "../wire/message.ts";
import type { Contender } from "./contender.ts";
import type { Dialer } from "./dialer.ts";
import type { Exchange } from "./exchange.ts";
import { isFaultOfServer, sayWhy, TIMED_OUT } from "./failures.ts";
import type { Health } from "./health.ts";

/** How a server that is silent on one type answers for A. */
export interface Witness {
  readonly ms: number;
  readonly message: Message;
}

/** Asked beside A by everybody's libc and browser, and missing for most names: their silence is what hurts. */
const SIDE_TYPES: readonly number[] = [RrType.AAAA, RrType.HTTPS, RrType.SVCB];

export function isSideType({ type, class: rrclass }: Question): boolean {
  return rrclass === RrClass.IN && SIDE_TYPES.includes(type);
}

/** A of the same name, whatever is asked for: a server may be silent on other types and yet alive. */
export function forA(question: Question): Question {
  return { ...question, type: RrType.A };
}

/**
 * Asks a silent server for A of the same name, once a query: is it dead, or silent on this type only? Health is told,
 * and the contender remembers. Never rejects.
 */
export async function callWitness(options: {
  readonly contender: Contender;
  readonly query: Query;
  readonly dialer: Dialer;
  readonly exchange: Exchange;
  readonly health: Health;
  readonly clock: Clock;
  readonly limitMs: number;
}): Promise<void> {
  const { contender, query, dialer, exchange, health, clock, limitMs } = options;
  if (contender.judged) return;
  contender.judged = true;
  const { server, key } = contender;
  const stop = new AbortController();
  const cancel = clock.after(limitMs, () => stop.abort());
  const began = clock.now();
  try {
    const message = await exchange({
      server,
      dialer,
      question: forA(query.question),
      flags: query,
      fresh: true,
      signal: stop.signal,
    });
    const ms = clock.now() - began;
    contender.witness = { ms, message };
    health.answered(key, ms);
  } catch (error) {
    // One datagram was lost where it has answered others.
    if (stop.signal.aborted) {
      if (!contender.heard && !health.heardSince(key, began)) health.failed(key, TIMED_OUT);
    } else if (isFaultOfServer(error)) health.failed(key, sayWhy(error));
  } finally {
    cancel();
  }
}
