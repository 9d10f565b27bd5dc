/**
 * Sets of values by row and column, such as the holders of a name (row) in a network (column). Rows come first
 * because a question names one: finding it costs the same however many there are. Empty sets leave no trace.
 */
export class Table<Value> {
  readonly #rows = new Map<string, Map<string, Set<Value>>>();
  #size = 0;

  /** How many values there are in all cells. */
  get size(): number {
    return this.#size;
  }

  get(row: string, column: string): ReadonlySet<Value> | undefined {
    return this.#rows.get(row)?.get(column);
  }

  /** The columns in which the row has something, in no order that matters. */
  columns(row: string): Iterable<string> {
    return this.#rows.get(row)?.keys() ?? [];
  }

  add(row: string, column: string, value: Value): void {
    const cells = this.#rows.get(row) ?? new Map<string, Set<Value>>();
    const cell = cells.get(column) ?? new Set();
    if (cell.has(value)) return;
    this.#rows.set(row, cells.set(column, cell.add(value)));
    this.#size += 1;
  }

  delete(row: string, column: string, value: Value): void {
    const cells = this.#rows.get(row);
    const cell = cells?.get(column);
    if (cells === undefined || cell === undefined || !cell.delete(value)) return;
    this.#size -= 1;
    if (cell.size === 0) cells.delete(column);
    if (cells.size === 0) this.#rows.delete(row);
  }
}
