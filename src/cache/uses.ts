/**
 * Who gives answers of the cache again by himself (`Reuse`), and which of them he gave: what is asked for all the time,
 * but never here, must not pass for what nobody asks for.
 */
export interface Uses {
  /** A number for one more answer, `Reuse.mark`; 0 if nobody tells. Numbers may come again after a million others. */
  nextMark(): number;
  /** Whether what has this number was given since this was asked the last time. */
  take(mark: number): boolean;
}

/** Where all answers are given here. */
export const NO_USES: Uses = { nextMark: () => 0, take: () => false };
