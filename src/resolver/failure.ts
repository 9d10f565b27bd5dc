import { Rcode } from "../wire/iana.ts";
import type { ExtendedError } from "../wire/message.ts";

/**
 * A question that was ours to answer and could not be. The client gets `rcode` (SERVFAIL unless said otherwise)
 * with `ede` saying why (RFC 8914); `cause` is for the log.
 */
export class ResolveFailure extends Error {
  override readonly name = "ResolveFailure";
  readonly ede: ExtendedError;
  readonly rcode: number;

  constructor(ede: ExtendedError, options: { rcode?: number; cause?: unknown } = {}) {
    super(ede.text, { cause: options.cause });
    this.ede = ede;
    this.rcode = options.rcode ?? Rcode.SERVFAIL;
  }
}
