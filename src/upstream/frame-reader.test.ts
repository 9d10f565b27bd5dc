import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { frame } from "../wire/frame.ts";
import { frameReader } from "./frame-reader.ts";

describe("frameReader", () => {
  it("gives back every framed message, however the stream is cut", () => {
    const message = fc.uint8Array({ maxLength: 40 });
    fc.assert(
      fc.property(fc.array(message), fc.array(fc.nat(400)), (messages, cuts) => {
        const stream = Buffer.concat(messages.map(frame));
        const read = frameReader();
        const ends = [...cuts.filter((cut) => cut < stream.length).sort((a, b) => a - b), stream.length];
        const frames = ends.flatMap((end, index) => read(stream.subarray(ends[index - 1] ?? 0, end)));
        expect(frames.map((frame) => [...frame])).toEqual(messages.map((each) => [...each]));
      }),
    );
  });
});
