import type { LookupResult } from "./lookup.ts";
import type { TimelineEvent } from "./timeline.ts";

/** Where time went: several stretches of the same kind are one. */
export interface Wait {
  /** Of all of them together. */
  readonly ms: number;
  readonly times: number;
  /** `no answer to AAAA www.example. from 10.0.0.1:53` */
  readonly text: string;
}

/** Shorter stretches are a network's own. */
const WORTH_MS = 50;
const MOMENT_MS = 5;

/** What took long in a lookup, longest first. The time between two events belongs to the later: it is what was waited for. */
export function waits({ timeline, ms, error }: Pick<LookupResult, "timeline" | "ms" | "error">): Wait[] {
  const found = new Map<string, { ms: number; times: number }>();
  let lastMs = 0;
  const add = (spent: number, text: string) => {
    if (spent < WORTH_MS) return;
    const before = found.get(text) ?? { ms: 0, times: 0 };
    found.set(text, { ms: before.ms + spent, times: before.times + 1 });
  };
  for (const event of timeline) {
    // What stands before these is our own time.
    if (!WAITED_FOR.includes(event.event)) {
      lastMs = event.atMs;
      continue;
    }
    // Several timeouts of one moment are one stretch of time.
    const alike = timeline.filter(
      (other) => other.event === event.event && Math.abs(other.atMs - event.atMs) < MOMENT_MS,
    );
    add(event.atMs - lastMs, describe(event, alike));
    lastMs = event.atMs;
  }
  const last = timeline.findLast(({ server }) => server !== null);
  if (error === "STILL_WAITING") {
    const end = last?.transport === "tcp" ? "and no limit to the wait" : "when it was stopped";
    add(ms - lastMs, `still nothing from ${last?.server ?? "anywhere"}, ${end}`);
  }
  return [...found].map(([text, spent]) => ({ text, ...spent })).sort((a, b) => b.ms - a.ms);
}

const WAITED_FOR: readonly TimelineEvent["event"][] = ["receive", "timeout", "connect", "error"];

function describe(event: TimelineEvent, alike: readonly TimelineEvent[]): string {
  const server = event.server ?? "any server";
  const question = `${event.qtype ?? ""} ${event.qname ?? ""}`.trim();
  switch (event.event) {
    case "timeout":
      return `no answer to ${[...new Set(alike.map(({ qtype }) => qtype))].join(" and ")} ${event.qname} from ${server}`;
    case "receive":
      return `${server} took its time for ${question}`;
    case "connect":
      return `connecting to ${server}`;
    default:
      return `${event.text} from ${server}`;
  }
}
