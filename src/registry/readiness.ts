/** Which sources were announced, and which of them have told all they know at least once. */
export interface Readiness {
  readonly ready: boolean;
  awaited(): readonly string[];
  expect(source: string): void;
  synced(source: string): void;
  /** The source is to be announced, and to sync, anew. */
  forget(source: string): void;
}

export function createReadiness(): Readiness {
  const awaited = new Set<string>();
  const synced = new Set<string>();
  return {
    get ready() {
      return awaited.size === 0;
    },
    awaited: () => [...awaited],
    expect(source) {
      if (!synced.has(source)) awaited.add(source);
    },
    synced(source) {
      awaited.delete(source);
      synced.add(source);
    },
    forget(source) {
      awaited.delete(source);
      synced.delete(source);
    },
  };
}
