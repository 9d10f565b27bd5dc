/**
 * When what a worker may have been looking at is looked at no more. A worker counts up when it begins to work and when
 * it goes to wait: odd while it works. What has been made unreachable before `mark` is out of its sight once it has
 * waited, or if it was waiting at that moment: its next work begins with loads that come after.
 */
export interface Quiescence {
  /** A moment to wait for. */
  mark(): readonly number[];
  /** Whether every worker has waited since, or was waiting then. */
  hasPassed(mark: readonly number[]): boolean;
}

/** The first word of each. */
export function quiescence(workers: readonly Int32Array[]): Quiescence {
  return {
    mark: () => workers.map((words) => Atomics.load(words, 0)),
    hasPassed: (mark) =>
      workers.every((words, i) => (mark[i]! & 1) === 0 || Atomics.load(words, 0) !== mark[i]),
  };
}
