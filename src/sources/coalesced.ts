/**
 * Makes `run` one that never runs twice at once. Each call resolves as a run does that began after the call: who calls
 * while one is under way shares the next with all who do.
 */
export function coalesced(run: () => Promise<void>): () => Promise<void> {
  let current: Promise<void> | undefined;
  let next: Promise<void> | undefined;

  function begin(): Promise<void> {
    next = undefined;
    const begun = run().finally(() => {
      // Whoever waits for it begins in a moment, and is the one under way until then.
      if (next === undefined) current = undefined;
    });
    current = begun;
    return begun;
  }

  return () => {
    if (current === undefined) return begin();
    next ??= current.then(begin, begin);
    return next;
  };
}
