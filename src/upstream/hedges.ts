/** Says whether a server may be asked beside one that is merely later than usual. */
export interface Hedges {
  /** For each query: earns a share of a hedge. */
  earn(): void;
  /** Takes a hedge, if there is one. */
  spend(): boolean;
}

/** One question in twenty more, as in Dean and Barroso, "The Tail at Scale" (2013). */
const SHARE = 0.05;
/** A restart of a busy server is bridged with these. */
const BURST = 50;

/**
 * A bucket of tokens: in a flood, or when every server is slow, asking twice would make it worse, so it stops. A
 * server that is overdue does not need one: who waits for it may always ask the next.
 */
export function hedges({ share = SHARE, burst = BURST } = {}): Hedges {
  let tokens = burst;
  return {
    earn() {
      tokens = Math.min(burst, tokens + share);
    },
    spend() {
      if (tokens < 1) return false;
      tokens--;
      return true;
    },
  };
}
