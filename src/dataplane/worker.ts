import { parentPort, workerData } from "node:worker_threads";
import type { PlaneMemory, WorkerMemory } from "./memory.ts";
import { serveQueries } from "./serve-queries.ts";

/** The thread's whole program; it ends when it is told to stop. */
const { plane, own } = workerData as { plane: PlaneMemory; own: WorkerMemory };
serveQueries(plane, own, () => parentPort?.postMessage(null));
