/** What connection tracking has counted in one namespace since that was made, over all processors. */
export interface ConntrackCounters {
  /** Two packets began the same conversation at once, and both got through. */
  readonly clashResolve: number;
  /** One of them was dropped. */
  readonly insertFailed: number;
}

/**
 * Reads `/proc/net/stat/nf_conntrack`: a line of names, then hexadecimal numbers, a line for each processor. `clashres`
 * stands where older kernels, which count no clashes, have `searched`.
 */
export function conntrackCounters(table: string): ConntrackCounters {
  const [header = [], ...rows] = table
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/));
  const sum = (column: string): number => {
    const at = header.indexOf(column);
    return at === -1 ? 0 : rows.reduce((total, row) => total + Number.parseInt(row[at] ?? "0", 16), 0);
  };
  return { clashResolve: sum("clashres"), insertFailed: sum("insert_failed") };
}
