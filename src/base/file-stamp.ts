import type { BigIntStats } from "node:fs";

/**
 * A file changed less than this before it was read may change again without its stamp showing it, since file times
 * advance by the kernel's tick (at most 10 ms; more on odd file systems). It is to be read again until it is older.
 */
const UNSURE_MS = 100;

export type Stamped = Pick<BigIntStats, "dev" | "ino" | "size" | "mtimeNs" | "ctimeNs">;

/** Another one whenever the file is another, or was written. To be taken before the file is read. */
export function fileStamp({ dev, ino, size, mtimeNs, ctimeNs }: Stamped): string {
  return `${dev} ${ino} ${size} ${mtimeNs} ${ctimeNs}`;
}

/** Whether the same stamp will mean the same content; `wall` is now, in milliseconds since 1970. */
export function isSure({ ctimeNs }: Stamped, wall: number): boolean {
  return wall - Number(ctimeNs / 1_000_000n) >= UNSURE_MS;
}
