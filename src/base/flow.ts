/** A UDP socket for one question: connected to one server, on a port that no other has at the moment. */
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

/** Makes a flow of a descriptor that is connected and doesn't block, and is the flow's from then on. */
export type FlowOf = (fd: number, listener: FlowListener) => Flow;
