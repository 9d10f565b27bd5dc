import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Node } from "./world.ts";

const C = fileURLToPath(new URL("lookups.c", import.meta.url));
const JAVASCRIPT = fileURLToPath(new URL("lookups.mjs", import.meta.url));

/** Who looks names up: real ones, each as a program. */
export type Stub = "glibc" | "musl" | "node";

/** One that has begun. */
export interface Lookup {
  readonly ms: number;
  /** `EAI_AGAIN`, for `node` its code, or `unfinished`; null is success. */
  readonly error: string | null;
  /** Whether it gave such addresses. */
  readonly v4: boolean;
  readonly v6: boolean;
}

export interface Lookups {
  /** The name of each, with its number for `%d`. */
  readonly pattern: string;
  readonly count: number;
  /** How many are under way at a time; with `node`, its pool has four threads. */
  readonly atOnce: number;
  /** Each is followed by it; 0 unless told. */
  readonly pauseMs?: number;
  /** None begins later than this after the first. */
  readonly beginMs: number;
  /** What has not ended then is unfinished. */
  readonly endMs: number;
  /** Of `/etc/resolv.conf`. */
  readonly nameservers: readonly string[];
  /** Paths of namespaces from which they are done in turn, not for `node`; none is the one of `run`. */
  readonly namespaces?: readonly string[];
}

/** Does lookups with a stub, by way of what runs a program in some namespace. */
export type LookUp = (stub: Stub, run: Node["run"], lookups: Lookups) => Promise<Lookup[]>;

/** Compiles the programs into this folder. `musl` needs musl-gcc (Debian: musl-tools). */
export function lookupsIn(folder: string, stubs: readonly Stub[]): LookUp {
  const programOf = (stub: Stub): string => join(folder, `lookups-${stub}`);
  const compile = (compiler: string, stub: Stub) =>
    execFileSync(compiler, ["-O2", "-Wall", "-Wextra", "-Werror", "-pthread", "-o", programOf(stub), C]);
  if (stubs.includes("glibc")) compile("gcc", "glibc");
  if (stubs.includes("musl")) compile("musl-gcc", "musl");

  return async (stub, run, asking) => {
    const { pattern, count, atOnce, pauseMs = 0, beginMs, endMs, nameservers, namespaces = [] } = asking;
    const file = join(folder, `resolv.conf-${randomBytes(4).toString("hex")}`);
    writeFileSync(file, nameservers.map((address) => `nameserver ${address}\n`).join(""));
    const program = stub === "node" ? [process.execPath, JAVASCRIPT] : [programOf(stub)];
    const numbers = [count, atOnce, pauseMs, beginMs, endMs].map(String);
    const script = `mount --bind ${file} /etc/resolv.conf && exec "$@"`;
    const own = ["--mount", "--propagation", "private", "sh", "-c", script, "sh"];
    const args = [...own, ...program, pattern, ...numbers, ...namespaces];
    const { stdout, stderr } = await run("unshare", args, { timeoutMs: endMs + 30_000 });
    const lines = stdout.split("\n").filter((line) => line !== "");
    if (lines.length === 0) throw new Error(`Cannot look names up with ${stub}: ${stderr}`);
    return lines.map((line) => JSON.parse(line) as Lookup);
  };
}
