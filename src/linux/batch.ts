import { libc } from "./libc.ts";
import { patience } from "./patience.ts";

/** Datagrams read, or sent, with one system call. */
export const BATCH = 64;
/** No datagram is longer. */
export const RECEIVE_STRIDE = 65_536;
/** The most octets of an answer. */
export const SEND_STRIDE = 4096;
/** A `struct sockaddr_in6` and more. */
export const ADDRESS_STRIDE = 32;

// Of linux/socket.h and netinet: struct mmsghdr on 64-bit machines, in words of four octets.
const MMSGHDR_WORDS = 16;
const NAME = 0;
const NAME_LENGTH = 2;
const IOV = 4;
const IOV_LENGTH = 6;
const DATAGRAM_LENGTH = 14;
/** struct iovec: a pointer and a size. */
const IOVEC_WORDS = 4;
const SIZE = 2;
const SOCKADDR_MAX = 28;

const MSG_DONTWAIT = 0x40;
const EAGAIN = 11;

/**
 * Buffers for up to `BATCH` datagrams that come and as many that go, made once: reading and answering allocate nothing.
 * What comes in place i lies in `received` from `i * RECEIVE_STRIDE`, and its sender's address in `addresses` from
 * `i * ADDRESS_STRIDE`; what goes in place j is written into `sent` from `j * SEND_STRIDE`.
 */
export interface Batch {
  readonly received: Uint8Array;
  readonly addresses: Uint8Array;
  readonly sent: Uint8Array;
  /** Reads what is there; returns how many datagrams, or minus the errno. */
  receive(fd: number): number;
  lengthOf(place: number): number;
  addressLengthOf(place: number): number;
  /** The datagram in place `j` of `sent`, so long, goes to the sender of what came in place `i`. */
  answer(j: number, i: number, length: number): void;
  /** Sends places 0 to `count`; returns how many of them could not be sent. */
  send(fd: number, count: number): number;
}

export function batch(): Batch {
  const { pointerTo, receiveMany, sendMany, isWritable } = libc();
  const received = new Uint8Array(BATCH * RECEIVE_STRIDE);
  const addresses = new Uint8Array(BATCH * ADDRESS_STRIDE);
  const sent = new Uint8Array(BATCH * SEND_STRIDE);
  const incoming = headers(addresses, received, RECEIVE_STRIDE);
  const outgoing = headers(addresses, sent, SEND_STRIDE);
  const incomingOctets = new Uint8Array(incoming.messages.buffer);
  /** The outgoing messages from each place on. */
  const rest = Array.from(
    { length: BATCH },
    (_, place) => new Uint8Array(outgoing.messages.buffer, place * MMSGHDR_WORDS * 4),
  );
  /** Whose address each outgoing place has at the moment. */
  const nameOf = Uint8Array.from({ length: BATCH }, (_, place) => place);
  let last = BATCH;
  const patient = patience(() => performance.now());

  function headers(names: Uint8Array, octets: Uint8Array, stride: number) {
    const messages = new Uint32Array(new ArrayBuffer(BATCH * MMSGHDR_WORDS * 4));
    const vectors = new Uint32Array(new ArrayBuffer(BATCH * IOVEC_WORDS * 4));
    const [name, base, vector] = [names, octets, new Uint8Array(vectors.buffer)].map(pointerTo);
    for (let place = 0; place < BATCH; place++) {
      const at = place * MMSGHDR_WORDS;
      pointer(messages, at + NAME, name! + place * ADDRESS_STRIDE);
      messages[at + NAME_LENGTH] = SOCKADDR_MAX;
      pointer(messages, at + IOV, vector! + place * IOVEC_WORDS * 4);
      messages[at + IOV_LENGTH] = 1;
      pointer(vectors, place * IOVEC_WORDS, base! + place * stride);
      vectors[place * IOVEC_WORDS + SIZE] = stride;
    }
    return { messages, vectors, name: name! };
  }

  return {
    received,
    addresses,
    sent,
    receive(fd) {
      // The kernel has written there how long each address was.
      for (let i = 0; i < last; i++) incoming.messages[i * MMSGHDR_WORDS + NAME_LENGTH] = SOCKADDR_MAX;
      const count = receiveMany(fd, incomingOctets, BATCH, MSG_DONTWAIT);
      last = Math.max(count, 0);
      return count;
    },
    lengthOf: (place) => incoming.messages[place * MMSGHDR_WORDS + DATAGRAM_LENGTH]!,
    addressLengthOf: (place) => incoming.messages[place * MMSGHDR_WORDS + NAME_LENGTH]!,
    answer(j, i, length) {
      if (nameOf[j] !== i) {
        pointer(outgoing.messages, j * MMSGHDR_WORDS + NAME, outgoing.name + i * ADDRESS_STRIDE);
        nameOf[j] = i;
      }
      outgoing.messages[j * MMSGHDR_WORDS + NAME_LENGTH] =
        incoming.messages[i * MMSGHDR_WORDS + NAME_LENGTH]!;
      outgoing.vectors[j * IOVEC_WORDS + SIZE] = length;
    },
    send(fd, count) {
      let unsent = 0;
      for (let done = 0; done < count; ) {
        const result = sendMany(fd, rest[done]!, count - done, MSG_DONTWAIT);
        if (result > 0) done += result;
        else if (result === -EAGAIN) {
          // Full, for all of them.
          if (!patient.wait((ms) => isWritable(fd, ms))) return unsent + count - done;
        } else {
          // This one can't be sent: its sender forged port 0, say. The others may be.
          unsent += 1;
          done += 1;
        }
      }
      return unsent;
    },
  };
}

/** Little-endian, on both architectures. */
function pointer(words: Uint32Array, at: number, address: number): void {
  words[at] = address >>> 0;
  words[at + 1] = Math.floor(address / 2 ** 32);
}
