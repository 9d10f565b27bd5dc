import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "rolldown";

const cache = fileURLToPath(new URL("../../node_modules/.cache/", import.meta.url));

/**
 * A program of TypeScript as one file that Node 20 can run, where it finds the packages that can't be bundled; `remove`
 * removes it.
 */
export async function bundle(source: URL): Promise<{ program: URL; remove(): void }> {
  mkdirSync(cache, { recursive: true });
  const dir = mkdtempSync(join(cache, "eleven-bundle-"));
  await build({
    input: { program: fileURLToPath(source) },
    platform: "node",
    external: ["koffi"],
    output: { dir, entryFileNames: "[name].mjs" },
  });
  return {
    program: pathToFileURL(join(dir, "program.mjs")),
    remove: () => rmSync(dir, { recursive: true }),
  };
}
