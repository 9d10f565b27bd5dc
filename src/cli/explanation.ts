import type { StepReport } from "../api/control.ts";
import { age } from "./age.ts";
import { printable } from "./output.ts";
import type { Branch } from "./tree.ts";

type Detail = StepReport["detail"];

/**
 * The steps of `explain` for people. What the pipeline did stands below the question that the stub asked; what only
 * programs need is left out, and a binding is one line: what, where, whose, since when, why.
 */
export function explanation(steps: readonly StepReport[]): Branch[] {
  const top: Branch[] = [];
  let question: Branch[] | undefined;
  for (const step of steps) {
    const isOutside = step.who === "stub" || step.who === "provenance";
    if (isOutside) question = undefined;
    const below = [...belowOf(step.detail)];
    const lead = `${(step.us / 1000).toFixed(1)} ms`;
    const tone = toneOf(step);
    (question ?? top).push({
      lead,
      cells: [printable(step.who), sentence(step)],
      ...(tone && { tone }),
      below,
    });
    if (step.who === "stub" && step.decision === "asks") question = below;
  }
  return top;
}

function toneOf({ who, decision }: StepReport): Branch["tone"] {
  if (/^(?:all )?(?:failed|refused|gives up|no longer|known in|does not ask)/.test(decision)) return "bad";
  return who === "provenance" || decision === "takes the answer" ? "good" : undefined;
}

function sentence({ who, decision, detail }: StepReport): string {
  if (who === "stub" && decision === "asks")
    return printable(`asks ${detail.name} ${detail.type}  (${detail.why})`);
  const words = Object.entries(detail).flatMap(([key, value]) =>
    FOR_PROGRAMS.includes(key) || isList(value) || isEmpty(value) ? [] : [`${label(key)} ${plain(value)}`],
  );
  // A provenance step has the rest of what it says below it.
  const rest = who === "provenance" ? "" : words.join(", ");
  return printable(rest === "" ? decision : `${decision}  (${rest})`);
}

/** Of these a person sees the name elsewhere in the line. */
const FOR_PROGRAMS = ["sandbox", "ready", "container"];

/** `remainingSeconds` is `remaining seconds`. */
function label(key: string): string {
  return key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

function* belowOf(detail: Detail): Iterable<Branch> {
  for (const [key, value] of Object.entries(detail)) {
    if (!isList(value)) continue;
    for (const thing of value) yield { cells: cellsOf(key, thing).map(printable), below: [] };
  }
}

function cellsOf(key: string, thing: Detail): readonly string[] {
  switch (key) {
    case "tried":
      return [String(thing.name), thing.in === undefined ? "" : `in ${thing.in}`, String(thing.outcome)];
    case "boundBy":
    case "names":
      return [
        `${thing.kind} ${thing.name ?? ""}`.trimEnd(),
        `of ${thing.container}`,
        ...(thing.network === undefined ? [] : [`in ${thing.network}`]),
        `since ${moment(thing.since)}`,
        because(thing),
      ];
    case "owners":
      return [
        "address",
        `of ${thing.container}`,
        `in ${thing.network}`,
        ...(thing.since === null
          ? ["no name leads to it"]
          : [`since ${moment(thing.since)}`, because(thing)]),
      ];
    case "removed": {
      const held = thing.heldNowBy as readonly string[];
      return [
        `${thing.address} was ${thing.kind} ${thing.name}`,
        `of ${thing.container}`,
        `in ${thing.network}`,
        `until ${moment(thing.at)}`,
        because(thing),
        held.length === 0 ? "now nobody's" : `now ${held.join(" and ")}'s`,
      ];
    }
    default:
      return [
        Object.entries(thing)
          .filter(([, value]) => !isEmpty(value))
          .map(([part, value]) => `${label(part)} ${plain(value)}`)
          .join(", "),
      ];
  }
}

function because({ source, revision, cause }: Detail): string {
  return `by ${source} in revision ${revision}: ${cause ?? "longer ago than the history reaches"}`;
}

/** With its distance from now, which is what people think in. */
function moment(iso: unknown): string {
  return `${iso} (${age(String(iso))} ago)`;
}

function isList(value: unknown): value is readonly Detail[] {
  return Array.isArray(value) && value.some((each) => typeof each === "object" && each !== null);
}

function isEmpty(value: unknown): boolean {
  return value === null || value === undefined || (Array.isArray(value) && value.length === 0);
}

function plain(value: unknown): string {
  if (Array.isArray(value)) return value.map(plain).join(" ");
  if (typeof value === "number" && !Number.isInteger(value)) return value.toFixed(1);
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
