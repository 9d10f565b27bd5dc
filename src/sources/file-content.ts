import { readFile, stat } from "node:fs/promises";
import type { Clock } from "../base/clock.ts";
import { messageOf } from "../base/errors.ts";
import { fileStamp, isSure } from "../base/file-stamp.ts";

/** What a file says, or why it says nothing ("no such file"). */
export type FileContent =
  | { readonly text: string; readonly reason?: undefined }
  | { readonly text?: undefined; readonly reason: string };

/** Far above any file that people write; reading on would only hold the program up. */
const MAX_BYTES = 64 * 1024 * 1024;

/** Reads the file at the path; while its stamp is the same, what was read before is given without reading it. */
export function fileContent(path: string, clock: Clock): () => Promise<FileContent> {
  let known: { readonly stamp: string; readonly content: FileContent } | undefined;

  return async () => {
    try {
      const stats = await stat(path, { bigint: true });
      // Reading a pipe or a device would wait for ever.
      if (!stats.isFile()) return { reason: "not a regular file" };
      if (stats.size > MAX_BYTES) return { reason: `larger than ${MAX_BYTES} bytes` };
      const stamp = fileStamp(stats);
      if (known?.stamp === stamp) return known.content;
      // Stat before read: whatever changes in between has another stamp, and is read the next time.
      const content = { text: await readFile(path, "utf8") };
      known = isSure(stats, clock.wall()) ? { stamp, content } : undefined;
      return content;
    } catch (error) {
      return { reason: reasonOf(error) };
    }
  };
}

function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === "ENOENT" || code === "ENOTDIR") return "no such file";
  if (code === "EACCES") return "permission denied";
  return messageOf(error);
}
