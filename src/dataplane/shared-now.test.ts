import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { bundle } from "../../test/support/bundle.ts";
import { sharedNow } from "./shared-now.ts";

/** What the calibration may be off by, in milliseconds. */
const TOLERANCE_MS = 0.02;

test("all threads read the same time", async () => {
  const { program, remove } = await bundle(new URL("../../test/support/clock-reader.ts", import.meta.url));
  try {
    for (let time = 0; time < 5; time++) {
      const memory = new SharedArrayBuffer(16);
      const turn = new Int32Array(memory, 0, 1);
      const read = new Float64Array(memory, 8);
      const worker = new Worker(program, { workerData: memory });
      await once(worker, "message");
      // By how much it is behind, at least and at most: the narrowest of many readings.
      let [least, most] = [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
      for (let reading = 0; reading < 300; reading++) {
        const before = sharedNow();
        Atomics.store(turn, 0, 1);
        Atomics.notify(turn, 0);
        Atomics.wait(turn, 0, 1);
        const after = sharedNow();
        least = Math.max(least, before - read[0]!);
        most = Math.min(most, after - read[0]!);
      }
      expect([least < TOLERANCE_MS, most > -TOLERANCE_MS]).toEqual([true, true]);
      await worker.terminate();
    }
  } finally {
    remove();
  }
});
