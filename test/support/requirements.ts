import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Whether this machine lets us make network namespaces. */
export function canMakeNamespaces(): boolean {
  return process.platform === "linux" && process.getuid?.() === 0 && has("ip") && has("nsenter");
}

/** Whether a program is on the PATH. */
export function has(program: string): boolean {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** Why tests that need namespaces and these programs can't run here; undefined if they can. */
export function missing(...programs: string[]): string | undefined {
  if (process.platform !== "linux") return "needs Linux";
  if (process.getuid?.() !== 0) return "needs root";
  const absent = ["ip", "nsenter", "unshare", ...programs].filter((program) => !has(program));
  return absent.length === 0 ? undefined : `needs ${absent.join(", ")}`;
}
