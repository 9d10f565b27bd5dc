import type { QueryEvent, WatchEvent } from "../api/control.ts";
import { printable } from "./output.ts";
import type { Styles } from "./tree.ts";

/** One long name must not push all later lines aside for ever. */
const MAX_WIDTH = 40;

/** Makes a line of each event, in columns as wide as what came so far. */
export function watchLines({ dim, good, bad }: Styles): (event: WatchEvent) => string {
  const widths: number[] = [];

  function aligned(column: number, text: string): string {
    widths[column] = Math.min(MAX_WIDTH, Math.max(widths[column] ?? 0, text.length));
    return text.padEnd(widths[column]);
  }

  return (event) => {
    if ("skipped" in event) return bad(`${event.skipped} answers not shown: they came too fast`);
    const { at, container, question, rcode, origin, upstream, ms, slow } = event;
    const answered = rcode === "NOERROR" ? (event.answers.length === 0 ? dim : good) : bad;
    const took = `${ms.toFixed(1).padStart(7)} ms`;
    return [
      dim(localTime(at)),
      aligned(0, printable(container ?? "host")),
      aligned(1, question.type),
      aligned(2, printable(question.name)),
      answered(aligned(3, printable(answerOf(event)))),
      dim(aligned(4, upstream === null ? origin : `${origin} ${upstream}`)),
      slow ? bad(`${took} slow`) : took,
    ].join("  ");
  };
}

function answerOf({ rcode, answers, ede }: QueryEvent): string {
  if (rcode !== "NOERROR") return [rcode, ...ede.slice(0, 1).map(({ text }) => `(${text})`)].join(" ");
  return answers.length === 0 ? "NODATA" : answers.map(({ data }) => data).join(" ");
}

/** Of the day, with milliseconds. */
function localTime(iso: string): string {
  const at = new Date(iso);
  return `${at.toTimeString().slice(0, 8)}.${String(at.getMilliseconds()).padStart(3, "0")}`;
}
