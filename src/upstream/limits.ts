/** How much one query may cost. */
export interface ForwardLimits {
  /** For the whole query. glibc gives a server up after 5 s, musl a query after 2.5 s; an answer must be there before. */
  readonly budgetMs: number;
  /** The same from when on every server that has not failed is known to be down: they are asked, but nobody waits long. */
  readonly downBudgetMs: number;
  /** To one server over UDP, for one query (RFC 9520 §3.1: no more than two retries). */
  readonly sendsPerServer: number;
  /** How long a retry of a dead server may take: less than the 2 s in which the daemon must be able to end. */
  readonly retryMs: number;
}

export const FORWARD_LIMITS: ForwardLimits = {
  budgetMs: 2400,
  downBudgetMs: 500,
  sendsPerServer: 3,
  retryMs: 1500,
};
