import { styleText } from "node:util";
import type { Command } from "commander";
import { type ControlClient, controlClient } from "../api/client.ts";
import { CodedError, messageOf } from "../base/errors.ts";
import { defaultSocket } from "../config/socket-path.ts";

/** The options that every command has. */
export interface GlobalOptions {
  readonly socket?: string;
  readonly json?: boolean;
  readonly color: boolean;
}

/** Where a command's results go. */
export interface Output {
  /** One JSON document with --json, else what `text` makes for people. */
  print(value: unknown, text: () => string): void;
  readonly client: ControlClient;
  readonly options: GlobalOptions;
  good(text: string): string;
  bad(text: string): string;
  dim(text: string): string;
}

export function outputOf(command: Command): Output {
  const options = command.optsWithGlobals<GlobalOptions>();
  const styled = options.color && process.stdout.isTTY === true && process.env.NO_COLOR === undefined;
  const style = (format: "green" | "red" | "dim") => (text: string) =>
    styled ? styleText(format, text) : text;
  return {
    options,
    client: controlClient(options.socket ?? defaultSocket()),
    print(value, text) {
      process.stdout.write(`${options.json === true ? JSON.stringify(value) : text()}\n`);
    },
    good: style("green"),
    bad: style("red"),
    dim: style("dim"),
  };
}

/** What, why and the remedy on stderr; a stack trace only where the fault is ours. */
export function printError(error: unknown): void {
  // A message may have lines of its own, one for each fault.
  const lines = messageOf(error).split("\n").map(printable);
  if (error instanceof CodedError) {
    if (error.remedy !== undefined) lines.push(`  remedy: ${printable(error.remedy)}`);
  } else if (error instanceof Error && error.stack !== undefined) lines.splice(0, lines.length, error.stack);
  process.stderr.write(`${lines.join("\n")}\n`);
}

/**
 * Text from elsewhere (names, what an upstream says) for a terminal: characters that could move the cursor, or turn
 * the direction of reading, become visible.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, (it) => `\\u{${it.codePointAt(0)?.toString(16)}}`);
}

/** Columns under upper-case headings; a table without rows is the sentence `none`. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  none: string,
): string {
  if (rows.length === 0) return none;
  const all = [headings.map((heading) => heading.toUpperCase()), ...rows.map((row) => row.map(printable))];
  const widths = headings.map((_, column) => Math.max(...all.map((row) => (row[column] ?? "").length)));
  return all
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
