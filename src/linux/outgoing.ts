import { closeSync } from "node:fs";
import { ADDRESS_STRIDE, BATCH, SEND_STRIDE } from "./batch-size.ts";
import { libc } from "./libc.ts";
import { Iovec, Mmsghdr, writePointer } from "./mmsghdr.ts";
import { patience } from "./patience.ts";
import { socket } from "./sockets.ts";

// Of linux/udp.h and sys/socket.h: a control message that says in 16 bits how long each datagram of many is.
const AF_INET = 2;
const SOCK_DGRAM = 2;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;
const CONTROL_OCTETS = 24;
const CONTROL_LENGTH = 18;

const MSG_DONTWAIT = 0x40;
const EAGAIN = 11;
/** What a way says on which it can't be done: EIO (IPsec, no checksums by the device), EINVAL or EMSGSIZE (its MTU). */
const CANNOT_JOIN: readonly number[] = [5, 22, 90];

/**
 * So many answers of one length to one client go as one (UDP_SEGMENT, Linux 4.18): the kernel takes them apart where
 * they are received, and spares half of the cost. Fewer do not: a lookup asks for A and AAAA at the same time, and who
 * looks with tcpdump is to see two answers.
 */
const JOINED_MIN = 4;
/** Before Linux 5.16, 64 are refused: it counted their headers, too. */
const JOINED_MAX = 32;
/** With its headers it fits the least MTU that Linux takes a path to have, 552. */
const JOINED_LENGTH_MAX = 512;

/** The answers of a batch. Allocates nothing. */
export interface Outgoing {
  readonly octets: Uint8Array;
  /** Place `j` of `octets`, so long, goes to the sender in place `i` of `addresses`. */
  put(j: number, i: number, addressLength: number, length: number): void;
  /** Sends places 0 to `count`; returns how many of them could not be sent. */
  send(fd: number, count: number): number;
}

export function outgoing(addresses: Uint8Array): Outgoing {
  const { pointerTo, sendMany, isWritable } = libc();
  const octets = new Uint8Array(BATCH * SEND_STRIDE);
  const addressWords = new Uint32Array(addresses.buffer);
  const messages = new Uint32Array(new ArrayBuffer(BATCH * Mmsghdr.WORDS * 4));
  const vectors = new Uint32Array(new ArrayBuffer(BATCH * Iovec.WORDS * 4));
  const controls = new Uint8Array(BATCH * CONTROL_OCTETS);
  const controlWords = new Uint32Array(controls.buffer);
  const [namesAt, octetsAt, vectorsAt, controlsAt] = [
    addresses,
    octets,
    new Uint8Array(vectors.buffer),
    controls,
  ].map(pointerTo) as [number, number, number, number];
  /** The messages from each on. */
  const rest = Array.from(
    { length: BATCH },
    (_, message) => new Uint8Array(messages.buffer, message * Mmsghdr.WORDS * 4),
  );
  const patient = patience(() => performance.now());

  // Of each place.
  const addressOf = new Uint8Array(BATCH);
  const addressLengthOf = new Uint8Array(BATCH);
  const lengthOf = new Uint16Array(BATCH);
  /** The next place of the same length to the same client, but for the last. */
  const nextOf = new Uint8Array(BATCH);
  // Of each group of those.
  const firstOf = new Uint8Array(BATCH);
  const lastOf = new Uint8Array(BATCH);
  const sizeOf = new Uint8Array(BATCH);
  // Of each message: how many answers are in it, and the first of their vectors.
  const answersIn = new Uint8Array(BATCH);
  const vectorOf = new Uint8Array(BATCH);
  let mayJoin = canJoin();

  for (let i = 0; i < BATCH; i++) {
    const at = (i * CONTROL_OCTETS) >> 2;
    controlWords[at] = CONTROL_LENGTH;
    controlWords[at + 2] = SOL_UDP;
    controlWords[at + 3] = UDP_SEGMENT;
  }

  /** Makes messages of places 0 to `count`; returns how many. */
  function arrange(count: number): number {
    const groups = group(count);
    let message = 0;
    let vector = 0;
    for (let g = 0; g < groups; g++) {
      let place = firstOf[g]!;
      for (let left = sizeOf[g]!; left > 0; ) {
        const answers = left < JOINED_MIN ? 1 : Math.min(left, JOINED_MAX);
        write(message++, place, vector, answers);
        for (let k = 0; k < answers; k++, place = nextOf[place]!) {
          const at = vector++ * Iovec.WORDS;
          writePointer(vectors, at + Iovec.BASE, octetsAt + place * SEND_STRIDE);
          vectors[at + Iovec.SIZE] = lengthOf[place]!;
        }
        left -= answers;
      }
    }
    return message;
  }

  /** Puts together what may go as one; returns the number of groups. */
  function group(count: number): number {
    let groups = 0;
    for (let place = 0; place < count; place++) {
      let g = count < JOINED_MIN || !mayJoin || lengthOf[place]! > JOINED_LENGTH_MAX ? groups : 0;
      while (g < groups && !belongs(place, firstOf[g]!)) g++;
      if (g === groups) {
        groups++;
        firstOf[g] = place;
        sizeOf[g] = 0;
      } else nextOf[lastOf[g]!] = place;
      lastOf[g] = place;
      sizeOf[g]!++;
    }
    return groups;
  }

  function belongs(place: number, other: number): boolean {
    if (lengthOf[place] !== lengthOf[other] || addressLengthOf[place] !== addressLengthOf[other])
      return false;
    const from = (addressOf[place]! * ADDRESS_STRIDE) >> 2;
    const otherFrom = (addressOf[other]! * ADDRESS_STRIDE) >> 2;
    for (let word = addressLengthOf[place]! >> 2; word-- > 0; )
      if (addressWords[from + word] !== addressWords[otherFrom + word]) return false;
    return true;
  }

  /** The message of so many answers: to the client of this place, and with the octets that the vectors from this on lead to. */
  function write(message: number, place: number, vector: number, answers: number): void {
    answersIn[message] = answers;
    vectorOf[message] = vector;
    const at = message * Mmsghdr.WORDS;
    writePointer(messages, at + Mmsghdr.NAME, namesAt + addressOf[place]! * ADDRESS_STRIDE);
    messages[at + Mmsghdr.NAME_LENGTH] = addressLengthOf[place]!;
    writePointer(messages, at + Mmsghdr.IOV, vectorsAt + vector * Iovec.WORDS * 4);
    messages[at + Mmsghdr.IOV_LENGTH] = answers;
    const control = message * CONTROL_OCTETS;
    writePointer(messages, at + Mmsghdr.CONTROL, answers === 1 ? 0 : controlsAt + control);
    messages[at + Mmsghdr.CONTROL_LENGTH] = answers === 1 ? 0 : CONTROL_OCTETS;
    controlWords[(control + 16) >> 2] = lengthOf[place]!;
  }

  /** Sends the answers of a joined message, refused for `errno`, one by one; returns how many could not be. */
  function sendApart(fd: number, message: number, errno: number): number {
    const answers = answersIn[message]!;
    const at = message * Mmsghdr.WORDS;
    messages[at + Mmsghdr.IOV_LENGTH] = 1;
    writePointer(messages, at + Mmsghdr.CONTROL, 0);
    messages[at + Mmsghdr.CONTROL_LENGTH] = 0;
    let unsent = 0;
    for (let k = 0; k < answers; k++) {
      writePointer(messages, at + Mmsghdr.IOV, vectorsAt + (vectorOf[message]! + k) * Iovec.WORDS * 4);
      if (sendMany(fd, rest[message]!, 1, MSG_DONTWAIT) < 0) unsent += 1;
    }
    if (unsent < answers && CANNOT_JOIN.includes(errno)) mayJoin = false;
    return unsent;
  }

  return {
    octets,
    put(j, i, addressLength, length) {
      addressOf[j] = i;
      addressLengthOf[j] = addressLength;
      lengthOf[j] = length;
    },
    send(fd, count) {
      let unsent = 0;
      const total = arrange(count);
      for (let done = 0; done < total; ) {
        const result = sendMany(fd, rest[done]!, total - done, MSG_DONTWAIT);
        if (result > 0) done += result;
        else if (result === -EAGAIN) {
          // Full, for all of them.
          if (patient.wait((ms) => isWritable(fd, ms))) continue;
          for (; done < total; done++) unsent += answersIn[done]!;
        } else if (answersIn[done] === 1) {
          // This one can't be sent: its sender forged port 0, say. The others may be.
          unsent += 1;
          done += 1;
        } else unsent += sendApart(fd, done++, -result);
      }
      return unsent;
    },
  };
}

/** Asked for once: a kernel that does not know UDP_SEGMENT passes over it, and would send all as one datagram. */
function canJoin(): boolean {
  const fd = socket(AF_INET, SOCK_DGRAM, () => {});
  try {
    libc().setsockopt(fd, SOL_UDP, UDP_SEGMENT, 0);
    return true;
  } catch {
    return false;
  } finally {
    closeSync(fd);
  }
}
