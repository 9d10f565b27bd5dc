import type { Clock } from "../base/clock.ts";
import type { Logger } from "../base/log.ts";
import { Rcode } from "../wire/iana.ts";
import type { Observation } from "./handle.ts";

/** One line for each reason in this time, however many queries fail: a flood must not fill a disk. */
const QUIET_MS = 10_000;
/** Reasons told apart. A text can hold addresses, so their number needs a bound; over it they are told together. */
const REASONS_MAX = 100;

/** Writes failed queries (SERVFAIL) to the log, seldom, with the number of those that it did not write. */
export function failureLog({ clock, log }: { clock: Clock; log: Logger }): (seen: Observation) => void {
  const quiet = new Map<string, { unwritten: number }>();
  return ({ answer, question, client }) => {
    if (answer.rcode !== Rcode.SERVFAIL) return;
    const text = answer.ede[0]?.text ?? "upstream said SERVFAIL";
    const reason = quiet.has(text) || quiet.size < REASONS_MAX ? text : "many reasons";
    const known = quiet.get(reason);
    if (known !== undefined) {
      known.unwritten++;
      return;
    }
    const entry = { unwritten: 0 };
    quiet.set(reason, entry);
    log.warn({ qname: question.name, sandbox: client.sandbox ?? "host", reason: text }, "query failed");
    clock.after(QUIET_MS, () => {
      quiet.delete(reason);
      if (entry.unwritten > 0) log.warn({ reason, queries: entry.unwritten }, "more queries failed likewise");
    });
  };
}
