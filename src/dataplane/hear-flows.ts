import { type Batch, RECEIVE_STRIDE } from "../linux/batch.ts";
import { CLOSED, FIRST_FLOW, FlowRow, Heard, type PlaneMemory, type WorkerMemory } from "./memory.ts";
import { ringWriter } from "./ring.ts";

/**
 * The worker's side of `flows.ts`: hands over what has come to a flow, or the error. True if the control plane is to be
 * woken. What there is no room for is lost, as datagrams may be: whoever waits for it asks again.
 */
export function hearFlows(
  plane: Pick<PlaneMemory, "flows">,
  own: Pick<WorkerMemory, "heard">,
  { receive, lengthOf, received }: Batch,
): (key: number, generation: number) => boolean {
  const rows = new Uint32Array(plane.flows);
  const heard = ringWriter(own.heard);
  const words = new Uint32Array(heard.octets.buffer, heard.octets.byteOffset);

  function hand(
    key: number,
    generation: number,
    errno: number,
    count: number,
    at: number,
    length: number,
  ): boolean {
    const offset = heard.reserve(4 * Heard.HEADER_WORDS + length);
    if (offset === -1) return false;
    const word = offset >> 2;
    words[word + Heard.FLOW] = key;
    words[word + Heard.GENERATION] = generation;
    words[word + Heard.ERRNO] = errno;
    words[word + Heard.COUNT] = count;
    heard.octets.set(received.subarray(at, at + length), offset + 4 * Heard.HEADER_WORDS);
    return heard.publish();
  }

  return (key, generation) => {
    const row = (key - FIRST_FLOW) * FlowRow.WORDS;
    const fd = Atomics.load(rows, row + FlowRow.FD);
    if (fd === CLOSED || Atomics.load(rows, row + FlowRow.GENERATION) !== generation) return false;
    const count = receive(fd);
    if (count <= 0) return hand(key, generation, -count, 0, 0, 0);
    let isWanted = false;
    for (let i = 0; i < count; i++) {
      if (hand(key, generation, 0, count, i * RECEIVE_STRIDE, lengthOf(i))) isWanted = true;
    }
    return isWanted;
  };
}
