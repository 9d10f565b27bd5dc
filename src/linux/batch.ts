import { ADDRESS_STRIDE, BATCH } from "./batch-size.ts";
import { libc } from "./libc.ts";
import { Iovec, Mmsghdr, writePointer } from "./mmsghdr.ts";
import { outgoing } from "./outgoing.ts";

/** No datagram is longer. */
export const RECEIVE_STRIDE = 65_536;

const SOCKADDR_MAX = 28;
const MSG_DONTWAIT = 0x40;

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
  const { pointerTo, receiveMany } = libc();
  const received = new Uint8Array(BATCH * RECEIVE_STRIDE);
  const addresses = new Uint8Array(BATCH * ADDRESS_STRIDE);
  // One buffer: who holds the messages holds the vectors, which only the kernel looks at.
  const headers = new ArrayBuffer(BATCH * (Mmsghdr.WORDS + Iovec.WORDS) * 4);
  const messages = new Uint32Array(headers, 0, BATCH * Mmsghdr.WORDS);
  const vectors = new Uint32Array(headers, messages.byteLength);
  const messageOctets = new Uint8Array(headers);
  const [namesAt, octetsAt, headersAt] = [addresses, received, messageOctets].map(pointerTo) as [
    number,
    number,
    number,
  ];
  const vectorsAt = headersAt + messages.byteLength;
  const answers = outgoing(addresses);
  let last = BATCH;

  for (let place = 0; place < BATCH; place++) {
    const at = place * Mmsghdr.WORDS;
    writePointer(messages, at + Mmsghdr.NAME, namesAt + place * ADDRESS_STRIDE);
    messages[at + Mmsghdr.NAME_LENGTH] = SOCKADDR_MAX;
    writePointer(messages, at + Mmsghdr.IOV, vectorsAt + place * Iovec.WORDS * 4);
    messages[at + Mmsghdr.IOV_LENGTH] = 1;
    writePointer(vectors, place * Iovec.WORDS, octetsAt + place * RECEIVE_STRIDE);
    vectors[place * Iovec.WORDS + Iovec.SIZE] = RECEIVE_STRIDE;
  }

  const addressLengthOf = (place: number): number => messages[place * Mmsghdr.WORDS + Mmsghdr.NAME_LENGTH]!;

  return {
    received,
    addresses,
    sent: answers.octets,
    receive(fd) {
      // The kernel has written there how long each address was.
      for (let i = 0; i < last; i++) messages[i * Mmsghdr.WORDS + Mmsghdr.NAME_LENGTH] = SOCKADDR_MAX;
      const count = receiveMany(fd, messageOctets, BATCH, MSG_DONTWAIT);
      last = Math.max(count, 0);
      return count;
    },
    lengthOf: (place) => messages[place * Mmsghdr.WORDS + Mmsghdr.DATAGRAM_LENGTH]!,
    addressLengthOf,
    answer: (j, i, length) => answers.put(j, i, addressLengthOf(i), length),
    send: answers.send,
  };
}
