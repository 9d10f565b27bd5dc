import type { Spread } from "./measure.ts";

/** A table in Markdown, aligned, so that it reads well in a terminal, too. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((_, column) => Math.max(...[head, ...rows].map((row) => row[column]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(" | ")} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [head, rule, ...rows].map(line).join("\n");
}

/** `6.23 (6.10-6.41)` */
export const withRange = ({ median, least, most }: Spread, digits = 2): string =>
  `${median.toFixed(digits)} (${least.toFixed(digits)}-${most.toFixed(digits)})`;

/** `0.87x` */
export const times = (ours: number, other: number): string => `${(ours / other).toFixed(2)}x`;

export const thousands = (value: number): string => `${(value / 1000).toFixed(1)}k`;

export const percent = (share: number): string => `${(100 * share).toFixed(2)} %`;

/** The document with the section `## NAME` put in the place of the one of that name, or at its end. */
export function withSection(document: string, name: string, body: string): string {
  const section = `## ${name}\n\n${body.trim()}\n`;
  const parts = document.trimEnd().split(/\n(?=## )/);
  const at = parts.findIndex((part) => part.startsWith(`## ${name}\n`));
  if (at < 0) parts.push(section);
  else parts[at] = section;
  return `${parts.map((part) => part.trim()).join("\n\n")}\n`;
}
