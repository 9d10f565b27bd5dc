import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { readSnapshot, type SnapshotReading } from "./file-snapshot.ts";

/** Reading takes some 80 us a container, so what is shorter (some 500 of them) is read in less time than a thread needs. */
export const LARGE = 32 * 1024;

/**
 * What a file source says: `readSnapshot`, in its own time. Rejects with the reason of `signal`, or with what a thread
 * failed of.
 */
export type SnapshotReader = (
  text: string,
  about: { readonly source: string; readonly path: string },
  signal: AbortSignal,
) => Promise<SnapshotReading>;

/**
 * Reads large texts in a thread of their own, which runs `program` (`snapshot-worker.ts`): nobody who asks is to wait
 * while a file is read, which takes eight seconds for 100,000 containers (to apply it, half a second where little has
 * changed). What reading leaves behind, ten times what it finds, ends with the thread.
 */
export function snapshotReader(program: URL): SnapshotReader {
  return async (text, about, signal) => {
    if (text.length < LARGE) return readSnapshot(text, about);
    const worker = new Worker(program, { workerData: { text, about }, name: "file-source" });
    // Like all else that sources do, it keeps no process alive.
    worker.unref();
    try {
      // Rejects with the error that ends the thread, too.
      const [reading] = (await once(worker, "message", { signal })) as [SnapshotReading];
      return reading;
    } finally {
      void worker.terminate();
    }
  };
}
