import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Vitest's global setup: the end-to-end tests run the product as it is built. */
export function setup(): void {
  execFileSync(process.execPath, [fileURLToPath(new URL("../../scripts/build.mjs", import.meta.url))], {
    stdio: "inherit",
  });
}
