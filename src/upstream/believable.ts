import type { Clock } from "../base/clock.ts";
import { onAbort, type Signal } from "../base/on-abort.ts";
import { Stopper } from "../base/stopper.ts";
import type { Query } from "../resolver/resolver.ts";
import { extendedErrorOption } from "../wire/edns.ts";
import { EdeCode, Rcode } from "../wire/iana.ts";
import type { Message } from "../wire/message.ts";
import type { Contender } from "./contender.ts";
import { pause } from "./pause.ts";
import { isSideType } from "./witness.ts";

/** How long NXDOMAIN waits for those who may know better to answer A, which they do quickly as a rule. */
const TESTIMONY_MS = 200;

/**
 * An NXDOMAIN as it is; or only as NODATA, where a server that is silent on this type answers A for the name. NXDOMAIN is
 * of all types (RFC 8020 §2), and musl takes it for the whole name: so an internal name whose AAAA the first server
 * is silent on would vanish by the word of the second. Nobody keeps such an answer, as it has no SOA.
 */
export async function believable(
  denial: Message,
  options: {
    readonly from: Contender;
    readonly name: string;
    readonly query: Query;
    readonly contenders: readonly Contender[];
    /** Asks it for A, see `witness.ts`. */
    readonly testify: (contender: Contender) => Promise<void>;
    readonly clock: Clock;
    readonly signal: Signal;
  },
): Promise<Message> {
  const { from, name, query, contenders, testify, clock, signal } = options;
  if (!isSideType(query.question)) return denial;
  const testimonies = contenders.filter(({ isSilent, isDown }) => isSilent && !isDown).map(testify);
  if (testimonies.length > 0) {
    const heard = new Stopper();
    const forget = onAbort(signal, () => heard.abort(signal.reason));
    void Promise.all(testimonies).then(() => heard.abort(undefined));
    await pause(clock, TESTIMONY_MS, heard);
    forget();
  }
  const other = contenders.find(({ witness }) => (witness?.message.answers.length ?? 0) > 0);
  if (other === undefined) return denial;
  query.trace.step(name, "not believed", { server: from.label, because: `${other.label} answers A` });
  const text = `${from.label} denies the name, but ${other.label} answers A: taken for no such record`;
  const { header, edns } = denial;
  return {
    ...denial,
    header: { ...header, rcode: Rcode.NOERROR, ad: false },
    authority: [],
    ...(edns && {
      edns: { ...edns, options: [...edns.options, extendedErrorOption({ code: EdeCode.OTHER, text })] },
    }),
  };
}
