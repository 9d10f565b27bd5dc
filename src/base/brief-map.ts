/**
 * A map of what comes and goes with each query: where a Map lives long and its entries don't, V8 (Node 20) keeps far
 * more than is in it. A Map that is full of deleted entries moves to a new table, and the old one, with all it held,
 * points to the new one. As soon as one such table is in the old generation, all later ones are kept until the next
 * full collection, and so is every query that was in one of them: half of what the garbage collector had to do. Here
 * it is the keys that stay so long, some 50 octets each.
 */
export class BriefMap<Value> {
  readonly #values: Record<string | number, Value> = Object.create(null);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(key: string | number): boolean {
    return this.#values[key] !== undefined;
  }

  get(key: string | number): Value | undefined {
    return this.#values[key];
  }

  set(key: string | number, value: Value): void {
    if (this.#values[key] === undefined) this.#size++;
    this.#values[key] = value;
  }

  delete(key: string | number): boolean {
    if (this.#values[key] === undefined) return false;
    this.#size--;
    return delete this.#values[key];
  }

  values(): readonly Value[] {
    return Object.values(this.#values);
  }

  keys(): readonly string[] {
    return Object.keys(this.#values);
  }
}
