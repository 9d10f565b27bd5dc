import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const src = join(root, "src");

/** What each folder may import of the others: the layer table of docs/architecture.md. Its own files it always may. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  wire: [],
  base: [],
  yaml: ["base"],
  linux: ["base"],
  resolver: ["wire", "base"],
  libc: ["wire", "base", "resolver"],
  registry: ["wire", "base", "resolver"],
  upstream: ["wire", "base", "resolver"],
  cache: ["wire", "base", "resolver"],
  server: ["wire", "base", "resolver"],
  sources: ["wire", "base", "yaml", "registry"],
  dataplane: ["wire", "base", "resolver", "server", "linux"],
  sandbox: ["wire", "base", "resolver", "registry", "upstream", "server", "linux"],
  nodelocal: ["base", "linux"],
  config: ["wire", "base", "yaml"],
  diagnose: ["wire", "base", "linux", "resolver", "libc", "registry", "upstream", "sandbox", "config"],
  api: ["base", "registry", "sources", "diagnose"],
  daemon: [
    "wire",
    "base",
    "linux",
    "resolver",
    "registry",
    "upstream",
    "cache",
    "server",
    "libc",
    "dataplane",
    "sandbox",
    "nodelocal",
    "sources",
    "config",
    "diagnose",
    "api",
  ],
  cli: ["base", "api", "diagnose", "config", "libc", "sandbox", "daemon", "version"],
};

/** Packages are for the folders named here: a dependency that spreads is one that can't be replaced. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  koffi: ["linux"],
  yaml: ["yaml"],
  zod: ["yaml", "sources", "config", "api"],
  hono: ["api"],
  "@hono/node-server": ["api"],
  "@hono/node-server/utils/response": ["api"],
  "prom-client": ["api"],
  "ipaddr.js": ["base", "yaml", "sandbox"],
  "lru-cache": ["cache"],
  commander: ["cli"],
  pino: ["cli"],
  "pino-pretty": ["cli"],
};

interface Import {
  readonly from: string;
  readonly folder: string;
  readonly specifier: string;
}

function imports(): Import[] {
  const files = readdirSync(src, { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts") && !/\.(test|suite)\.ts$/.test(file))
    .map((file) => join(src, file));
  return files.flatMap((file) => {
    const text = readFileSync(file, "utf8");
    const specifiers = [...text.matchAll(/(?:\bfrom|\bimport\(|^import) ?"([^"]+)"/gm)].map(
      ([, specifier]) => specifier!,
    );
    const path = relative(src, file);
    // `daemon.ts` is the daemon folder's own entrance.
    const folder = path.includes("/") ? path.split("/")[0]! : path.replace(/\.ts$/, "");
    return specifiers.map((specifier) => ({ from: path, folder, specifier }));
  });
}

function folderOf({ from, specifier }: Import): string {
  const target = relative(src, resolve(src, dirname(from), specifier));
  return target.includes("/") ? target.split("/")[0]! : target.replace(/\.ts$/, "");
}

describe("imports", () => {
  const all = imports();

  test("go down the layers", () => {
    const wrong = all
      .filter(({ specifier }) => specifier.startsWith("."))
      .filter((found) => folderOf(found) !== found.folder)
      .filter((found) => found.folder !== "daemon" || folderOf(found) !== "version")
      .filter((found) => !MAY_IMPORT[found.folder]?.includes(folderOf(found)))
      .map(({ from, specifier }) => `${from} imports ${specifier}`);
    expect(wrong).toEqual([]);
  });

  test("the table of layers in docs/architecture.md names every folder", () => {
    const text = readFileSync(join(root, "docs", "architecture.md"), "utf8");
    for (const folder of Object.keys(MAY_IMPORT)) expect(text, folder).toContain(`\`${folder}\``);
    const folders = new Set(all.map(({ folder }) => folder).filter((folder) => folder !== "version"));
    expect([...folders].sort()).toEqual(Object.keys(MAY_IMPORT).sort());
  });

  test("the codec imports nothing at all", () => {
    expect(all.filter((found) => found.folder === "wire" && !found.specifier.startsWith("./"))).toEqual([]);
  });

  test("packages stay in their folders", () => {
    const wrong = all
      .filter(({ specifier }) => !specifier.startsWith(".") && !specifier.startsWith("node:"))
      .filter(({ folder, specifier }) => !PACKAGES[specifier]?.includes(folder))
      .map(({ from, specifier }) => `${from} imports ${specifier}`);
    expect(wrong).toEqual([]);
  });
});
