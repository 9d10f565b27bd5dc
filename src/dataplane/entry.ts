/**
 * How an answer lies in the table: 14 words, the key, the whole response as it went to the first client, and where its
 * TTLs are. Words count from the beginning of the entry.
 */
export const Word = {
  HASH: 0,
  MOMENT: 1,
  VIEW: 2,
  /** Tag, words of the key << 16, number of TTLs << 24. */
  SHAPE: 3,
  /** Column in which it is counted, octets of the response << 16. */
  RESPONSE: 4,
  /** Where in the response the records are whose order changes, their number << 16, octets of each << 24; or 0. */
  ROTATION: 5,
  /** 1 if the TTLs count down. */
  AGES: 6,
  /** Octets of the entry, a multiple of 16. */
  SIZE: 7,
  /** The slot of the index that leads here: for the control plane. */
  SLOT: 8,
  /** By which number the control plane is to see that it was given (`uses.ts`), or 0. */
  MARK: 9,
  /** Of a client's entry: its row. */
  CLIENT: 4,
} as const;

/** As doubles, of eight octets each: when it ends, and since when TTLs count down, in milliseconds of `sharedNow`. */
export const Time = { EXPIRES: 5, STORED: 6 } as const;

export const HEADER_WORDS = 14;
/** The most octets of a response that is kept: the most that goes over UDP. */
export const RESPONSE_MAX = 4096;
/** Records and TTLs are counted in an octet; a response that has more is not kept. */
export const COUNT_MAX = 255;

/** The view under which clients are found by their address: none of a client's. */
export const CLIENTS = 0xffff_ffff;
