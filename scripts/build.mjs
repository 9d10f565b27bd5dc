// Compiles src/ to dist/. Also npm's `prepare`: there, without the compiler (`npm ci --omit=dev`), dist/ stays as it is.
import { spawnSync } from "node:child_process";
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
if (existsSync(compiler)) {
  rmSync(join(root, "dist"), { recursive: true, force: true });
  const { status } = spawnSync(process.execPath, [compiler, "-p", "tsconfig.build.json"], {
    cwd: root,
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
} else if (!existsSync(join(root, "dist"))) {
  process.stderr.write("Cannot build: the compiler is not installed\n  remedy: npm ci\n");
  process.exitCode = 1;
}
