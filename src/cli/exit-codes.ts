import { CodedError } from "../base/errors.ts";

export const ExitCode = {
  DONE: 0,
  /** The answer is "no": NXDOMAIN, findings, not ready. */
  NO: 1,
  /** Bad usage or configuration. */
  USAGE: 2,
  /** The daemon can't be reached. */
  UNREACHABLE: 3,
} as const;

export function exitCodeOf(error: unknown): number {
  return error instanceof CodedError && error.code === "UNREACHABLE" ? ExitCode.UNREACHABLE : ExitCode.USAGE;
}
