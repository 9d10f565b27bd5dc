/**
 * A map of what comes and goes with each query: where a Map lives long and its entries don't, V8 (Node 20) keeps far
 * more than is in it. A Map that is full of deleted entries moves to a new table, and the old one, with all it held,
 * points to the new one. As soon as one such table is in the old generation, all later ones are kept until the next
 * full collection, and so is every query that was in one of them: half of what the garbage collector had to do. Here
 * it is the keys that stay so long, some 50 octets each.
 */
export class BriefMap<Value> {
  readonly #values: Record<string, Value> = Object.create(null);

  get(key: string): Value | undefined {
    return this.#values[key];
  }

  set(key: string, value: Value): void {
    this.#values[key] = value;
  }

  delete(key: string): void {
    delete this.#values[key];
  }

  keys(): readonly string[] {
    return Object.keys(this.#values);
  }
}
