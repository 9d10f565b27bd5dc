// Checks the types of src/, and bundles it with its packages into dist/: a start of ours must be quick while others
// keep the processors busy, and half of its time would go into finding and reading hundreds of small files.
// Also npm's `prepare`: there, without the tools for it (`npm ci --omit=dev`), dist/ stays as it is.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const dist = join(root, "dist");
const compiler = join(root, "node_modules", "typescript", "bin", "tsc");
if (existsSync(compiler)) {
  const { status } = spawnSync(process.execPath, [compiler, "-p", "tsconfig.build.json"], {
    cwd: root,
    stdio: "inherit",
  });
  process.exitCode = status ?? 1;
  await bundle();
} else if (!existsSync(dist)) {
  process.stderr.write("Cannot build: the compiler is not installed\n  remedy: npm ci\n");
  process.exitCode = 1;
}

async function bundle() {
  const { build } = await import("rolldown");
  await build({
    cwd: root,
    // Threads have programs of their own.
    input: {
      eleven: "src/cli/main.ts",
      "data-plane-worker": "src/dataplane/worker.ts",
      "snapshot-worker": "src/sources/snapshot-worker.ts",
    },
    platform: "node",
    // It has native code, which it finds beside itself.
    external: ["koffi"],
    // All in one folder: what lies beside dist/ is sought from there (src/version.ts).
    output: { dir: dist, cleanDir: true, sourcemap: true, entryFileNames: "[name].js" },
  });
}
