import { FNV_PRIME, finish, TAGS } from "./question-key.ts";

// Of sys/socket.h and netinet/in.h: where the address lies in a struct sockaddr_in or sockaddr_in6.
const AF_INET = 2;
const IPV4_AT = 4;
const IPV4_OCTETS = 4;
const IPV6_AT = 8;
const IPV6_OCTETS = 16;

/** Under which a client is found by the address that it asks from. Filled in anew with each `read`. */
export interface ClientKey {
  readonly words: Uint32Array;
  wordCount: number;
  hash: number;
  tag: number;
  /** `sockaddr`: the struct as the kernel wrote it, at this offset. */
  read(sockaddr: Uint8Array, at: number): void;
  /** The same, from the four or sixteen octets of the address alone. */
  readAddress(octets: ArrayLike<number>): void;
}

export function clientKey(seed: number): ClientKey {
  const octets = new Uint8Array(new ArrayBuffer(IPV6_OCTETS));
  function take(from: ArrayLike<number>, at: number, length: number): void {
    let hash = seed;
    for (let i = 0; i < length; i++) {
      octets[i] = from[at + i]!;
      hash = Math.imul(hash ^ from[at + i]!, FNV_PRIME);
    }
    key.wordCount = length >> 2;
    key.hash = finish(hash);
    key.tag = key.hash & (TAGS - 1);
  }

  const key: ClientKey = {
    words: new Uint32Array(octets.buffer),
    wordCount: 0,
    hash: 0,
    tag: 0,
    read(sockaddr, at) {
      const isIpv4 = sockaddr[at] === AF_INET;
      take(sockaddr, at + (isIpv4 ? IPV4_AT : IPV6_AT), isIpv4 ? IPV4_OCTETS : IPV6_OCTETS);
    },
    readAddress: (address) => take(address, 0, address.length),
  };
  return key;
}
