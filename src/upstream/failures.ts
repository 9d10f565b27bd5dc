import { messageOf } from "../base/errors.ts";
import { ResolveFailure } from "../resolver/failure.ts";
import { EdeCode } from "../wire/iana.ts";
import type { ExtendedError } from "../wire/message.ts";
import { CutOff, SendForbidden } from "./exchange.ts";
import type { Mismatch } from "./match-reply.ts";

/** What a server did that did nothing, for as long as there was. */
export const TIMED_OUT = "timed out";

/** The same for one from which something came, as `mismatch` says of the last that did. */
export function timedOut(mismatch: Mismatch | undefined): string {
  return mismatch === undefined ? TIMED_OUT : `${TIMED_OUT} but for what was no reply to this (${mismatch})`;
}

/** What one server ended with, in one query. */
export interface Verdict {
  /** `10.0.0.1:53`. */
  readonly server: string;
  /** What it did, as a sentence about it: `timed out`, `answered SERVFAIL`. */
  readonly did: string;
  /** Whether it, or its silence, was all that came; false for a network error. */
  readonly reached: boolean;
  /** Its own explanations, in its reply. */
  readonly ede: readonly ExtendedError[];
}

/**
 * SERVFAIL, saying which server did what. If a server explained itself, its code stands; otherwise Network Error
 * if nothing but the network spoke, and No Reachable Authority for the rest (RFC 8914 §4.23, §4.24).
 */
export function allFailed(verdicts: readonly Verdict[], cause?: unknown): ResolveFailure {
  const explained = verdicts.flatMap(({ ede }) => ede)[0];
  const unreached = verdicts.every(({ reached }) => !reached);
  const code = explained?.code ?? (unreached ? EdeCode.NETWORK_ERROR : EdeCode.NO_REACHABLE_AUTHORITY);
  return new ResolveFailure({ code, text: verdicts.map(sentence).join(", ") }, { cause });
}

/** SERVFAIL at once, for there is no upstream; `why` says where one was looked for. */
export function nobodyToAsk(why: string): ResolveFailure {
  const remedy =
    "set a nameserver in the host's resolv.conf, `docker run --dns`, or `upstreams` in eleven.yaml";
  return new ResolveFailure({
    code: EdeCode.NO_REACHABLE_AUTHORITY,
    text: `there is no upstream server (${why}): ${remedy}`,
  });
}

/** What an error says of a server: `refused the connection`. */
export function sayWhy(error: unknown): string {
  if (error instanceof CutOff) return `cut its answer off, and over TCP it ${sayWhy(error.cause)}`;
  if (error instanceof SendForbidden) return "is known not to answer";
  return SAYINGS.get(codeOf(error)) ?? `could not be asked: ${messageOf(error)}`;
}

/** Whether an error tells of the server or the way to it, rather than of us (no descriptors, no namespace). */
export function isFaultOfServer(error: unknown): boolean {
  return SAYINGS.has(codeOf(error));
}

const UNTRUSTED =
  "has a certificate of an authority that is not trusted (NODE_EXTRA_CA_CERTS can name its file)";

const SAYINGS: ReadonlyMap<unknown, string> = new Map([
  ["ECONNREFUSED", "refused the connection"],
  ["ECONNRESET", "reset the connection"],
  ["EPIPE", "closed the connection"],
  ["EHOSTUNREACH", "is unreachable"],
  ["EHOSTDOWN", "is unreachable"],
  ["ENETUNREACH", "is on an unreachable network"],
  ["ENETDOWN", "is on a network that is down"],
  ["ETIMEDOUT", TIMED_OUT],
  // What a firewall on this host makes of a send that it rejects.
  ["EPERM", "is shut off by this host's firewall"],
  ["EACCES", "is shut off by this host's firewall"],
  ["EPROTO", "does not speak TLS there"],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "does not speak TLS there"],
  ["ERR_TLS_CERT_ALTNAME_INVALID", "has a certificate for another name"],
  ["CERT_HAS_EXPIRED", "has a certificate that has expired"],
  ["CERT_NOT_YET_VALID", "has a certificate that is not valid yet"],
  ...[
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "SELF_SIGNED_CERT_IN_CHAIN",
    "UNABLE_TO_GET_ISSUER_CERT",
    "UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
    "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  ].map((code) => [code, UNTRUSTED] as const),
]);

function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

function sentence({ server, did, ede }: Verdict): string {
  const texts = ede.map(({ code, text }) => (text === "" ? `EDE ${code}` : text));
  return `${server} ${did}${texts.length === 0 ? "" : ` (${texts.join("; ")})`}`;
}
