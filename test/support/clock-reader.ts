import { parentPort, workerData } from "node:worker_threads";
import { sharedNow } from "../../src/dataplane/shared-now.ts";

/** Reads the time of this thread whenever the first word says so. */
const turn = new Int32Array(workerData as SharedArrayBuffer, 0, 1);
const read = new Float64Array(workerData as SharedArrayBuffer, 8);
parentPort?.postMessage("begun");
for (;;) {
  Atomics.wait(turn, 0, 0);
  read[0] = sharedNow();
  Atomics.store(turn, 0, 0);
  Atomics.notify(turn, 0);
}
