// npm run bench: compiles bench/ to a cache beside the packages, and runs it as if it stood in its own place.
import { register } from "node:module";
import { join } from "node:path";
import { root, run } from "./prepare.mjs";

run(process.execPath, [join(root, "node_modules", "typescript", "bin", "tsc"), "-p", "bench/tsconfig.json"]);
register("./compiled.mjs", import.meta.url);
await import("../bench/main.ts");
