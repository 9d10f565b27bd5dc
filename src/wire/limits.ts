/** Octets of a header (RFC 1035 §4.1.1); no name begins inside it. */
export const HEADER_LENGTH = 12;
/** Octets of a message: what the two octets of length before it on TCP can say (RFC 1035 §4.2.2). */
export const MAX_MESSAGE = 65_535;
/** Octets of a message that every client takes over UDP (RFC 1035 §2.3.4). */
export const MIN_UDP_MESSAGE = 512;
/** Octets of a name with the length octets of its labels (RFC 1035 §2.3.4). */
export const MAX_NAME = 255;
/** Octets of a label (RFC 1035 §2.3.4). */
export const MAX_LABEL = 63;
/** Compression pointers of a name: it has at most 127 labels, so no sender has use for more. */
export const MAX_HOPS = 127;
/** Greatest offset of a compression pointer, which has 14 bits (RFC 1035 §4.1.4). */
export const MAX_POINTER = 0x3fff;
/** Seconds (RFC 2181 §8). */
export const MAX_TTL = 0x7fffffff;
