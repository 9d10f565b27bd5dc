/**
 * A change that is worked out so far that it can't fail any more, and waits for the word: of several parts that
 * change together, either all are committed or all are abandoned.
 */
export interface Prepared {
  commit(): Promise<void>;
  /** Undoes what preparing did. */
  abandon(): Promise<void>;
}
