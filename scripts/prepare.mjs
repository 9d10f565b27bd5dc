// What `npm start` and `npm test` do before anything else: install and build, so that a clean clone needs neither.
import { spawnSync } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Runs a program in the project's folder with its output shown; ends this process if it fails. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: "inherit", ...options });
  if (error !== undefined) fail(`Cannot run ${command}: ${error.message}`);
  if (status !== 0) fail(`Cannot go on: ${[command, ...args].join(" ")} failed with status ${status}`);
}

export function fail(message) {
  process.stderr.write(`${message}\n`);
  process.exit(1);
}

/** `npm ci` if the packages are not those of the lock file. It builds, too. */
export function install() {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < 20 || (major === 20 && minor < 19))
    fail(`Cannot start: Node 20.19 or later is needed, this is ${process.version}`);
  const installed = join(root, "node_modules", ".package-lock.json");
  const wanted = join(root, "package-lock.json");
  if (existsSync(installed) && statSync(installed).mtimeMs >= statSync(wanted).mtimeMs) return;
  process.stderr.write("installing packages (npm ci) ...\n");
  run("npm", ["ci", "--no-audit", "--no-fund", "--loglevel=error"], { stdio: ["ignore", 2, 2] });
}

export function build() {
  run(process.execPath, [join(root, "scripts", "build.mjs")], { stdio: ["ignore", 2, 2] });
}
