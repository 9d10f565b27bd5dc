import type { Context } from "./context.ts";
import type { Finding } from "./finding.ts";

/**
 * Looks for one known way in which container DNS goes wrong. It only looks: it changes nothing, and needs nobody to be
 * attached. What it throws makes it a skipped check, and no more.
 */
export interface Check {
  /** As in docs/findings.md. */
  readonly code: string;
  run(context: Context): Promise<Outcome>;
}

/** Nothing found is an empty list. */
export type Outcome = readonly Found[] | Skipped;

/** The finding of one check, which has its code. */
export type Found = Omit<Finding, "code">;

/** It could not look, and why: "no container's network namespace is known". */
export interface Skipped {
  readonly skipped: string;
}
