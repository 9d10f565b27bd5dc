// Stands in for a thread of the data plane: says that it has begun, then counts its epoch up whenever the bell rings,
// as src/dataplane/serve-queries.ts does, and while it works does what it is ordered to.
import { parentPort, workerData } from "node:worker_threads";

const [EPOCH, STOP] = [0, 1];
const [BELL, ORDER] = [0, 1];
const [HANG, EXIT, THROW, NOT_BEGIN] = [1, 2, 3, 4];
const control = new Int32Array(workerData.own.control);
const orders = new Int32Array(workerData.plane.orders);

while (Atomics.load(orders, ORDER) === NOT_BEGIN) Atomics.wait(orders, ORDER, NOT_BEGIN);
parentPort.postMessage(null);
for (let heard = -1; ; ) {
  Atomics.wait(orders, BELL, heard);
  heard = Atomics.load(orders, BELL);
  Atomics.add(control, EPOCH, 1);
  if (Atomics.load(control, STOP) !== 0) break;
  const order = Atomics.load(orders, ORDER);
  while (order === HANG);
  if (order === EXIT) process.exit(0);
  if (order === THROW) throw new Error("as ordered");
  Atomics.add(control, EPOCH, 1);
}
