/** One question's use of a UDP socket: connected to one server, on a port that no other question has at the moment. */
export interface Flow {
  /** Sends one datagram; what goes wrong is told to `failed`. */
  send(octets: Uint8Array): void;
  /** From now on nothing is heard. */
  close(): void;
}

/** Who listens to a flow; neither is called before the flow was returned, or after it was closed. */
export interface FlowListener {
  /** The octets are the listener's. */
  message(octets: Uint8Array): void;
  /** An error of the system, with a `code`: ECONNREFUSED where an ICMP message said so. */
  failed(error: Error): void;
}

/** One server, as it is reached from one network namespace: two are the same if they are the same object. */
export interface Way {
  /** Makes a socket that is connected to it and doesn't block: its descriptor. Throws the system's error. */
  connect(): number;
}

/** Makes a flow, with `isFresh` on a port that has served no question; throws what `connect` throws. */
export type FlowOf = (way: Way, listener: FlowListener, isFresh: boolean) => Flow;
