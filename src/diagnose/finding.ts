/** One thing that is wrong, as a person needs to know it. */
export interface Finding {
  /** Of the check that found it: stable, and explained in docs/findings.md. */
  readonly code: string;
  /** `error`: names are answered wrongly, or not at all. `warning`: they will be, or slowly. `info`: worth knowing. */
  readonly severity: Severity;
  /** What it is about: a container, a name, a server. */
  readonly subject: string;
  /** What is wrong, in one or two sentences. */
  readonly text: string;
  /** What was seen, as plain JSON values. */
  readonly evidence: Readonly<Record<string, unknown>>;
  /** What to do about it. */
  readonly remedy: string;
}

export type Severity = "error" | "warning" | "info";

/** What became of one check. */
export interface CheckReport {
  readonly code: string;
  readonly state: "ok" | "found" | "skipped";
  /** Why it was skipped, or what an `ok` does not cover; else null. */
  readonly reason: string | null;
}

/** All of `eleven doctor`: both lists in the order of `checks.ts`. */
export interface DoctorReport {
  readonly findings: readonly Finding[];
  readonly checks: readonly CheckReport[];
  /** How many containers' network namespaces were looked into. */
  readonly entered: number;
  /** Those that could not be looked into: nothing is said of them, for good or ill. */
  readonly notEntered: readonly NotEntered[];
  readonly ms: number;
}

export interface NotEntered {
  readonly container: string;
  readonly reason: string;
}
