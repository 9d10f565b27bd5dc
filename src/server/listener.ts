/** A place where we are asked. */
export interface Listener {
  /** `udp 127.0.0.1:5311` */
  readonly name: string;
  /** Answers what is in flight, and closes; at the latest after `CLOSE_GRACE_MS`. */
  close(): Promise<void>;
}

/**
 * How long a closing listener waits for queries in flight: longer than a forwarder takes to give up, so that each gets
 * its answer. Whoever is in a hurry aborts the queries instead.
 */
export const CLOSE_GRACE_MS = 5000;
