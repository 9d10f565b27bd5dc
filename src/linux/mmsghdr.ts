/** Layouts of linux/socket.h on 64-bit machines, little-endian, in words of four octets. */

/** `struct mmsghdr`. */
export const Mmsghdr = {
  NAME: 0,
  NAME_LENGTH: 2,
  IOV: 4,
  IOV_LENGTH: 6,
  CONTROL: 8,
  CONTROL_LENGTH: 10,
  DATAGRAM_LENGTH: 14,
  WORDS: 16,
} as const;

/** `struct iovec`: a pointer and a size. */
export const Iovec = { BASE: 0, SIZE: 2, WORDS: 4 } as const;

export function writePointer(words: Uint32Array, at: number, address: number): void {
  words[at] = address >>> 0;
  words[at + 1] = Math.floor(address / 2 ** 32);
}
