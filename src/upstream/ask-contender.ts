import type { Clock } from "../base/clock.ts";
import type { Query } from "../resolver/resolver.ts";
import { extendedErrors } from "../wire/edns.ts";
import { Rcode, rcodeName } from "../wire/iana.ts";
import type { Message } from "../wire/message.ts";
import type { Contender } from "./contender.ts";
import type { UpstreamCounters } from "./counters.ts";
import type { Dialer } from "./dialer.ts";
import type { Exchange, ExchangeCall } from "./exchange.ts";
import { isFaultOfServer, sayWhy } from "./failures.ts";
import type { Health } from "./health.ts";
import type { ForwardLimits } from "./limits.ts";
import { pause } from "./pause.ts";

/** The servers themselves did not work, or will not serve us: another one may (as Docker 26 and later). */
const MOVES_ON: readonly number[] = [Rcode.SERVFAIL, Rcode.REFUSED, Rcode.NOTIMP];

/** How long NXDOMAIN waits for a preferred server: most recursions are done by then, and it is paid once or twice. */
const NXDOMAIN_HOLD_MS = 500;

/**
 * Asks one of a query's contenders: gives the message if it is one to relay, and otherwise undefined, with the
 * reason as the contender's verdict. Whatever happens is told to health, counters and trace. Never rejects.
 */
export function contenderAsker({
  name,
  query,
  contenders,
  dialer,
  exchange,
  health,
  clock,
  limits,
  counters,
}: {
  name: string;
  query: Query;
  contenders: readonly Contender[];
  dialer: Dialer;
  exchange: Exchange;
  health: Health;
  clock: Clock;
  limits: ForwardLimits;
  counters: UpstreamCounters;
}): (contender: Contender, signal: AbortSignal) => Promise<Message | undefined> {
  const deadline = clock.now() + limits.budgetMs;

  return async function askContender(contender, signal) {
    const message = await askOne(contender, signal);
    if (message?.header.rcode === Rcode.NXDOMAIN) await holdForPreferred(contender, signal);
    return message;
  };

  async function askOne(contender: Contender, signal: AbortSignal): Promise<Message | undefined> {
    const { label: server, key } = contender;
    const began = clock.now();
    try {
      const message = await exchange(callFor(contender, signal));
      const ms = clock.now() - began;
      const rcode = rcodeName(message.header.rcode);
      health.answered(key, ms);
      query.trace.step(name, "reply", { server, rcode, ms });
      if (!MOVES_ON.includes(message.header.rcode)) return message;
      contender.verdict = {
        server,
        did: `answered ${rcode}`,
        reached: true,
        ede: extendedErrors(message.edns),
      };
    } catch (error) {
      if (signal.aborted) return undefined;
      const did = sayWhy(error);
      if (isFaultOfServer(error)) health.failed(key, did);
      query.trace.step(name, "failed", { server, why: did, ms: clock.now() - began });
      contender.verdict = { server, did, reached: false, ede: [] };
    }
    counters.movedOn++;
    return undefined;
  }

  /**
   * Gives the servers that stand before this one in the user's list, and were only slow so far, a last chance to
   * say otherwise. The first of a VPN's list knows names that the second has never heard of; where Docker waits
   * 4 s for the first, a second that is asked early must not make such names vanish.
   */
  async function holdForPreferred(contender: Contender, signal: AbortSignal): Promise<void> {
    if (deadline - clock.now() <= NXDOMAIN_HOLD_MS) return;
    const before = contenders.slice(0, contenders.indexOf(contender));
    const preferred = before.find(
      ({ key, verdict }) => verdict === undefined && health.of(key).state !== "down",
    );
    if (preferred === undefined) return;
    const server = contender.label;
    contender.verdict = { server, did: "answered NXDOMAIN", reached: true, ede: [] };
    query.trace.step(name, "held", { server, for: preferred.label, ms: NXDOMAIN_HOLD_MS });
    await pause(clock, NXDOMAIN_HOLD_MS, signal);
  }

  function callFor(contender: Contender, signal: AbortSignal): ExchangeCall {
    return {
      server: contender.server,
      dialer,
      question: query.question,
      flags: query,
      signal,
      maySend(transport, withEdns) {
        if (contender.sent[transport] >= limits.sendsPerServer) return false;
        contender.sent[transport]++;
        counters[transport]++;
        if (!withEdns) counters.withoutEdns++;
        query.trace.step(name, "send", { server: contender.label, transport, edns: withEdns });
        return true;
      },
      onMismatch(why) {
        counters.forged++;
        query.trace.step(name, "ignored", { server: contender.label, mismatch: why });
      },
    };
  }
}
