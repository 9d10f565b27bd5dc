import { Rcode } from "../wire/iana.ts";
import type { Name } from "../wire/message.ts";
import { nameFromText } from "../wire/name.ts";
import { glibcSend } from "./glibc-send.ts";
import type { GlibcState } from "./glibc-state.ts";
import { type AddressType, addressesAfterAliases, makeQuery, type Query, type Reply } from "./query.ts";
import type { Stub } from "./stub.ts";

/** `h_errno` of netdb.h. */
export type HostError = "HOST_NOT_FOUND" | "TRY_AGAIN" | "NO_RECOVERY" | "NO_DATA";

/** What one name gave: addresses in the order of arrival, or why none. */
export type Searched =
  | { readonly addresses: readonly string[] }
  | { readonly addresses: undefined; readonly error: HostError };

type Asked = Searched & {
  /** Of the network, if no answer came at all. */
  readonly errno?: string;
  /** See `Progress.firstRcode`. */
  readonly firstRcode: number;
};

/** What glibc says it can take, with `edns0` (RESOLV_EDNS_BUFFER_SIZE). */
const EDNS_PAYLOAD = 1200;

/**
 * Tries the name and the search list (`__res_context_search` of glibc 2.36): as it is first if it has `ndots` dots;
 * then with each suffix, going on after NODATA, NXDOMAIN and SERVFAIL; then as it is, unless that was first.
 * A timeout ends the list, a refusal by every server the whole search. The first try, as it is, decides the error;
 * else NODATA, else SERVFAIL, else what came last.
 */
export async function glibcSearch(
  stub: Stub,
  state: GlibcState,
  name: string,
  types: readonly AddressType[],
): Promise<Searched> {
  const { ndots, search, flags } = state.conf;
  const dots = name.split(".").length - 1;
  const isAbsolute = name.length > 1 && name.endsWith(".");
  let error: HostError = "HOST_NOT_FOUND";
  let asIsError: HostError | undefined;
  let [gotNodata, gotServfail, isRootListed] = [false, false, false];

  if (dots >= ndots || isAbsolute) {
    const asked = await ask(stub, state, name, types);
    if (asked.addresses !== undefined || isAbsolute) return asked;
    asIsError = error = asked.error;
  }
  if (!isAbsolute) {
    for (const domain of search) {
      const suffix = domain.replace(/^\./, "");
      if (suffix === "") isRootListed = true;
      const asked = await ask(stub, state, `${name}.${suffix}`, types);
      if (asked.addresses !== undefined) return asked;
      error = asked.error;
      if (asked.errno === "ECONNREFUSED") return { addresses: undefined, error: "TRY_AGAIN" };
      if (error === "NO_DATA") gotNodata = true;
      else if (error === "TRY_AGAIN" && asked.firstRcode === Rcode.SERVFAIL) gotServfail = true;
      else if (error !== "HOST_NOT_FOUND") {
        stub.timeline.add({ event: "give-up", qname: `${name}.${suffix}`, text: "ends the search list" });
        break;
      }
    }
  }
  const isTldQuery = dots > 0 || search.length === 0 || !flags.has("no-tld-query");
  if (asIsError === undefined && !isRootListed && isTldQuery) {
    const asked = await ask(stub, state, name, types);
    if (asked.addresses !== undefined) return asked;
    error = asked.error;
  }
  error = asIsError ?? (gotNodata ? "NO_DATA" : gotServfail ? "TRY_AGAIN" : error);
  return { addresses: undefined, error };
}

/** One name (`__res_context_query`). */
async function ask(
  stub: Stub,
  state: GlibcState,
  text: string,
  types: readonly AddressType[],
): Promise<Asked> {
  const name = nameFromText(text);
  if (name === undefined) return { addresses: undefined, error: "NO_RECOVERY", firstRcode: 0 };
  const queries = makeQueries(stub, state, name, types);
  const sent = await glibcSend(stub, state, queries);
  if (sent.replies === undefined) {
    stub.timeline.add({ event: "give-up", qname: name, text: `no server answered (${sent.errno})` });
    return { addresses: undefined, error: "TRY_AGAIN", errno: sent.errno, firstRcode: sent.firstRcode };
  }
  const error = errorOf(sent.replies);
  if (error !== undefined) return { addresses: undefined, error, firstRcode: sent.firstRcode };
  const addresses = sent.replies.flatMap((reply) => {
    const query = queries.find(({ id }) => id === reply.id)!;
    return reply.rcode === Rcode.NXDOMAIN ? [] : addressesAfterAliases(reply, query);
  });
  // Records, but no address among them: an alias that leads nowhere.
  if (addresses.length === 0)
    return { addresses: undefined, error: "HOST_NOT_FOUND", firstRcode: sent.firstRcode };
  return { addresses, firstRcode: sent.firstRcode };
}

function makeQueries(
  { random }: Stub,
  { conf }: GlibcState,
  name: Name,
  types: readonly AddressType[],
): Query[] {
  const options = {
    ad: conf.flags.has("trust-ad"),
    ...(conf.flags.has("edns0") ? { udpPayloadSize: EDNS_PAYLOAD } : {}),
  };
  const first = random();
  return types.map((type, i) => makeQuery(i === 0 ? first : otherThan(first, random()), name, type, options));
}

/** Two queries on one socket are told apart by their ids. */
const otherThan = (taken: number, id: number): number => (id === taken ? (id + 1) & 0xffff : id);

/** Undefined as soon as one reply has records: one half is enough. */
function errorOf([first, second]: readonly Reply[]): HostError | undefined {
  const replies = [first!, second ?? first!];
  if (replies.some(({ rcode, counts }) => rcode === Rcode.NOERROR && counts.answers > 0)) return undefined;
  switch (replies.map(({ rcode }) => rcode).find((rcode) => rcode !== Rcode.NOERROR)) {
    case undefined:
      return "NO_DATA";
    case Rcode.NXDOMAIN:
      return "HOST_NOT_FOUND";
    case Rcode.SERVFAIL:
      return "TRY_AGAIN";
    default:
      return "NO_RECOVERY";
  }
}
