/** One octet each: as many answers as the largest table has room for, or nearly so. */
export const USES = 2 ** 20;

/**
 * Which answers the workers gave: each has a number (`Reuse.mark`), and there an octet that says so. A worker sets it,
 * and only if it is not set: so that what everybody asks for is read by all processors, and written by none.
 */
export interface UseMarks {
  /** A number that no other answer has; after `USES` of them they come again, and then two may pass for each other. */
  nextMark(): number;
  /** Whether an answer of this number was given since this was asked the last time. */
  take(mark: number): boolean;
}

export function useMarks(memory: SharedArrayBuffer): UseMarks {
  const marks = new Uint8Array(memory);
  let last = 0;
  return {
    nextMark() {
      // 0 is that of answers that nobody wants to know of.
      last = last === USES - 1 ? 1 : last + 1;
      return last;
    },
    take: (mark) => Atomics.exchange(marks, mark, 0) !== 0,
  };
}
