import { COLUMNS } from "./memory.ts";

/** What the answers that are counted together have in common. */
export interface Labels {
  readonly qtype: string;
  readonly rcode: string;
  readonly origin: string;
}

/** Exact counts of the answers that the workers gave, by client and labels. */
export interface Tallies {
  /** The column that these are counted in; undefined if all columns are others'. */
  column(labels: Labels): number | undefined;
  labelsOf(column: number): Labels | undefined;
  /** What a client's row has got since it was last asked for. */
  drain(row: number, counted: (labels: Labels, count: number) => void): void;
}

export function tallies(workers: readonly SharedArrayBuffer[]): Tallies {
  const counts = workers.map((memory) => new Uint32Array(memory));
  // What was told already; a count that has come round the end of 32 bits still differs by the right number.
  const told = counts.map(() => new Map<number, number>());
  const columns = new Map<string, number>();
  const labels: Labels[] = [];

  return {
    column(wanted) {
      const key = `${wanted.qtype} ${wanted.rcode} ${wanted.origin}`;
      const known = columns.get(key);
      if (known !== undefined || labels.length === COLUMNS) return known;
      columns.set(key, labels.length);
      labels.push(wanted);
      return labels.length - 1;
    },
    labelsOf: (column) => labels[column],
    drain(row, counted) {
      for (const [column, of] of labels.entries()) {
        let count = 0;
        for (const [which, words] of counts.entries()) {
          const at = row * COLUMNS + column;
          const now = Atomics.load(words, at);
          const before = told[which]!.get(at) ?? 0;
          if (now === before) continue;
          count += (now - before) >>> 0;
          told[which]!.set(at, now);
        }
        if (count > 0) counted(of, count);
      }
    },
  };
}
