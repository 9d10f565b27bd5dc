// Module hooks for TypeScript on a Node that can't run it: the URL stays that of the source, so that
// `import.meta.url` means what it says, and the text is what `tsc -p bench/tsconfig.json` made of it.
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { root } from "./prepare.mjs";

const CACHE = join(root, "node_modules", ".cache", "eleven-bench");

/** The compiler writes `./x.js` where the source has `./x.ts`. */
export function resolve(specifier, context, next) {
  const isCompiled = specifier.startsWith(".") && context.parentURL?.endsWith(".ts");
  return next(isCompiled ? specifier.replace(/\.js$/, ".ts") : specifier, context);
}

export async function load(url, context, next) {
  if (!url.endsWith(".ts")) return next(url, context);
  const path = join(CACHE, relative(root, fileURLToPath(url)).replace(/\.ts$/, ".js"));
  return { format: "module", shortCircuit: true, source: await readFile(path, "utf8") };
}
