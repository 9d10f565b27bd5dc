/** A place where we are asked. */
export interface Listener {
  /** `udp 127.0.0.1:5311` */
  readonly name: string;
  /** Answers what is in flight, and closes; at the latest after a second. */
  close(): Promise<void>;
}

/** How long a closing listener waits for queries in flight: SIGTERM shall end the program within two seconds. */
export const CLOSE_GRACE_MS = 1000;
