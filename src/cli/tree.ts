/** A line in cells, which stand below those of its siblings, and what belongs to it. */
export interface Branch {
  /** Stands before the whole tree, at the right of its column. */
  readonly lead?: string;
  readonly cells: readonly string[];
  readonly tone?: "good" | "bad";
  readonly below: readonly Branch[];
}

/** How its parts look: `dim` is for the lines between branches, and for what leads. */
export type Styles = Readonly<Record<"dim" | "good" | "bad", (text: string) => string>>;

/** Draws branches, a line each. */
export function drawTree(branches: readonly Branch[], styles: Styles): string {
  const drawn = draw(branches, "", styles);
  const width = Math.max(0, ...drawn.map(({ lead }) => lead.length));
  return drawn.map(({ lead, text }) => `${styles.dim(lead.padStart(width))}  ${text}`.trimEnd()).join("\n");
}

function draw(branches: readonly Branch[], indent: string, styles: Styles): { lead: string; text: string }[] {
  const columns = Math.max(0, ...branches.map(({ cells }) => cells.length));
  const widths = Array.from({ length: columns }, (_, column) =>
    Math.max(...branches.map(({ cells }) => (column < cells.length - 1 ? cells[column]!.length : 0))),
  );
  return branches.flatMap(({ lead = "", cells, tone, below }, i) => {
    const isLast = i === branches.length - 1;
    const text = cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ");
    const toned = tone === undefined ? text : styles[tone](text);
    return [
      { lead, text: `${styles.dim(`${indent}${isLast ? "└─" : "├─"}`)} ${toned}` },
      ...draw(below, `${indent}${isLast ? "   " : "│  "}`, styles),
    ];
  });
}
