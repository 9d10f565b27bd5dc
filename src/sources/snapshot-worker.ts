import { parentPort, workerData } from "node:worker_threads";
import { readSnapshot } from "./file-snapshot.ts";

/** The thread's whole program: see `snapshotReader`. */
const { text, about } = workerData as { text: string; about: { source: string; path: string } };
parentPort?.postMessage(readSnapshot(text, about));
