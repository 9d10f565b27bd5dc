import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const src = join(root, "src");

/** `version.ts` is in no folder. */
const TELL_VERSION = ["daemon", "cli"];

interface Row {
  readonly layer: number;
  readonly mayImport: readonly string[];
}

/** The layer table of docs/architecture.md, by folder. A folder's own files it may always import. */
function layerTable(): ReadonlyMap<string, Row> {
  const text = readFileSync(join(root, "docs", "architecture.md"), "utf8");
  const rows = [...text.matchAll(/^\| (\d) +\| `(\w+)` +\|.*\|([^|]*)\|$/gm)];
  return new Map(
    rows.map(([, layer, folder, mayImport]) => [
      folder!,
      { layer: Number(layer), mayImport: [...mayImport!.matchAll(/`(\w+)`/g)].map(([, name]) => name!) },
    ]),
  );
}

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

  const layers = layerTable();

  test("are those of the table of layers", () => {
    const wrong = all
      .filter(({ specifier }) => specifier.startsWith("."))
      .filter((found) => folderOf(found) !== found.folder)
      .filter((found) => folderOf(found) !== "version" || !TELL_VERSION.includes(found.folder))
      .filter((found) => !layers.get(found.folder)?.mayImport.includes(folderOf(found)))
      .map(({ from, specifier }) => `${from} imports ${specifier}`);
    expect(wrong).toEqual([]);
  });

  test("go down", () => {
    for (const [folder, { layer, mayImport }] of layers)
      for (const other of mayImport)
        expect(layers.get(other)?.layer, `${folder} -> ${other}`).toBeLessThan(layer);
  });

  test("the table of layers names every folder", () => {
    const folders = new Set(all.map(({ folder }) => folder).filter((folder) => folder !== "version"));
    expect([...layers.keys()].sort()).toEqual([...folders].sort());
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
