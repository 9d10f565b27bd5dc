import { Opcode, Rcode } from "../wire/iana.ts";
import { HEADER_LENGTH } from "../wire/limits.ts";

/** What the header alone decides: read on, stay silent, or answer with this rcode. */
export type Verdict = "accept" | "ignore" | { readonly rcode: number };

/**
 * Decides from the first 12 octets, before anything else is parsed.
 *
 * - shorter than a header, or itself a response: silence, so that two servers can never answer each other for ever;
 * - any opcode but QUERY: NOTIMP (RFC 1035 §4.1.1);
 * - not exactly one question: FORMERR (RFC 9619);
 * - more records than a query has reason to carry: FORMERR. One answer and one authority record are let pass (IXFR,
 *   RFC 1995 §3), two additional ones (OPT and TSIG). These are the limits of Docker's library.
 */
export function accept(octets: Uint8Array): Verdict {
  if (octets.length < HEADER_LENGTH) return "ignore";
  const view = new DataView(octets.buffer, octets.byteOffset, HEADER_LENGTH);
  const flags = view.getUint16(2);
  if (flags & 0x8000) return "ignore";
  if (((flags >> 11) & 0xf) !== Opcode.QUERY) return { rcode: Rcode.NOTIMP };
  if (view.getUint16(4) !== 1) return { rcode: Rcode.FORMERR };
  if (view.getUint16(6) > 1 || view.getUint16(8) > 1 || view.getUint16(10) > 2)
    return { rcode: Rcode.FORMERR };
  return "accept";
}

/**
 * A response of 12 octets and nothing else: id, opcode and RD as they came (RFC 1035 §4.1.1), with this rcode. SERVFAIL
 * is for a query, so it has RA as every other answer (`handle.ts`), and no client takes this for a server that does not
 * recurse; what is no query is answered without, as Docker does.
 */
export function bareResponse(octets: Uint8Array, rcode: number): Uint8Array {
  const response = new Uint8Array(HEADER_LENGTH);
  response.set(octets.subarray(0, 2));
  response[2] = 0x80 | (octets[2]! & 0x79);
  response[3] = (rcode === Rcode.SERVFAIL ? 0x80 : 0) | (rcode & 0xf);
  return response;
}
