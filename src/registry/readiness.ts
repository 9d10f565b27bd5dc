/** Which sources were announced, and which of them have told all they know at least once. */
export interface Readiness {
  readonly ready: boolean;
  /**
   * Whether a name that nobody knows may be one that an announced source has yet to tell: not of one that is overdue
   * while another has told.
   */
  readonly holding: boolean;
  awaited(): readonly string[];
  expect(source: string): void;
  synced(source: string): void;
  overdue(source: string): void;
  /** The source is to be announced, and to sync, anew. */
  forget(source: string): void;
}

export function createReadiness(): Readiness {
  const awaited = new Set<string>();
  const synced = new Set<string>();
  const overdue = new Set<string>();
  return {
    get ready() {
      return awaited.size === 0;
    },
    get holding() {
      if (synced.size === 0) return awaited.size > 0;
      return [...awaited].some((source) => !overdue.has(source));
    },
    awaited: () => [...awaited],
    overdue: (source) => void overdue.add(source),
    expect(source) {
      if (!synced.has(source)) awaited.add(source);
    },
    synced(source) {
      awaited.delete(source);
      synced.add(source);
    },
    forget(source) {
      for (const each of [awaited, synced, overdue]) each.delete(source);
    },
  };
}
