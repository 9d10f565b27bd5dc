/** Octets of length before a message on a stream (RFC 1035 §4.2.2). */
export const FRAME_LENGTH = 2;

/** Length and message in one piece, so that they leave in one segment (RFC 7766 §8). */
export function frame(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(FRAME_LENGTH + message.length);
  framed[0] = message.length >> 8;
  framed[1] = message.length & 0xff;
  framed.set(message, FRAME_LENGTH);
  return framed;
}
