import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { has } from "../test/support/requirements.ts";

const BENCH = fileURLToPath(new URL("./", import.meta.url));
const CACHE = fileURLToPath(new URL("../node_modules/.cache/eleven-bench-c/", import.meta.url));

/** The path of the program that this C file of bench/ is, compiled anew. */
export function compile(source: string): string {
  mkdirSync(CACHE, { recursive: true });
  const program = join(CACHE, basename(source, ".c"));
  // A program that runs can't be written over, so the linker has to make another file.
  execFileSync("gcc", ["-O2", "-Wall", "-Wextra", "-Werror", "-o", `${program}.new`, join(BENCH, source)]);
  execFileSync("mv", [`${program}.new`, program]);
  return program;
}

export const compilerMissing = (): string | undefined =>
  has("gcc") ? undefined : "needs gcc (Debian: gcc, libc6-dev)";

export const compilerVersion = (): string =>
  `gcc ${execFileSync("gcc", ["-dumpfullversion"], { encoding: "utf8" }).trim()} -O2`;
