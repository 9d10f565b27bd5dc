import { FRAME_LENGTH } from "../wire/frame.ts";

/** Gives, for each chunk of a stream however it was cut, the messages that are complete with it. */
export function frameReader(): (chunk: Buffer) => Buffer[] {
  let rest: Buffer = Buffer.alloc(0);
  return function frames(chunk) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    const complete: Buffer[] = [];
    while (rest.length >= FRAME_LENGTH) {
      const end = FRAME_LENGTH + rest.readUInt16BE(0);
      if (rest.length < end) break;
      complete.push(rest.subarray(FRAME_LENGTH, end));
      rest = rest.subarray(end);
    }
    return complete;
  };
}
