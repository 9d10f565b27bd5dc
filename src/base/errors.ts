/** Every error that a user may meet; a code is never given a second meaning. */
export type ErrorCode =
  | "USAGE"
  | "CONFIG"
  | "SOURCE"
  | "SOCKET_IN_USE"
  | "LISTEN"
  | "UNREACHABLE"
  | "NO_SUCH_CONTAINER"
  | "ATTACH"
  | "UNSUPPORTED"
  | "OUTPUT"
  | "INTERNAL";

/**
 * An error for people: what failed and why in `message` ("Cannot <action> <value>: <state>", no full stop), what
 * to do about it in `remedy`, and a stable `code` for programs.
 */
export class CodedError extends Error {
  override readonly name = "CodedError";
  readonly code: ErrorCode;
  readonly remedy: string | undefined;

  constructor(code: ErrorCode, message: string, options: { remedy?: string; cause?: unknown } = {}) {
    super(message, { cause: options.cause });
    this.code = code;
    this.remedy = options.remedy;
  }
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
