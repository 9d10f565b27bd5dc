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

/**
 * Resolves after a whole turn of the event loop in which nothing came: `arrivals` counts what does. The loop reads all
 * its sockets once a turn, so what had been received before the call has been read then.
 */
export async function quietTurn(arrivals: () => number, isOver: () => boolean): Promise<void> {
  for (let before = -1; arrivals() !== before && !isOver(); ) {
    before = arrivals();
    await wholeTurn();
  }
}

/** Resolves when the event loop has read what had been received before the call. */
export async function wholeTurn(): Promise<void> {
  // The first immediate may be of the turn that is under way, which has read already.
  await immediate();
  await immediate();
}

function immediate(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
