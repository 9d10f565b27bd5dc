import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { readSnapshot } from "../sources/file-snapshot.ts";
import { loadConfig, readConfig } from "./load.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const doc = readFileSync(`${root}docs/config.md`, "utf8");

/** The fenced blocks of docs/config.md: ```yaml is a configuration, ```yaml file-source a file source's document. */
const blocks = [...doc.matchAll(/^```(yaml.*)\n([\s\S]*?)^```$/gm)].map(([, kind = "", text = ""]) => ({
  kind,
  text,
}));

function expectSnapshot(text: string): void {
  const reading = readSnapshot(text, { source: "file:shop.yaml", path: "/shop.yaml" });
  expect(reading).toMatchObject({ warnings: [] });
}

describe("docs/config.md", () => {
  it("has blocks of both kinds", () => {
    expect(new Set(blocks.map(({ kind }) => kind))).toEqual(new Set(["yaml", "yaml file-source"]));
  });

  it.each(blocks)("has a block that loads: $text", ({ kind, text }) => {
    if (kind === "yaml") readConfig(text, "eleven.yaml");
    else expectSnapshot(text);
  });

  it("has a section for every key, in their order, and shows each", () => {
    const keys = Object.keys(readConfig("", ""));
    expect([...doc.matchAll(/^### `(\w+)`$/gm)].map(([, key]) => key)).toEqual(keys);
    for (const key of keys) expect(blocks.some(({ text }) => text.startsWith(`${key}:`))).toBe(true);
  });
});

it("docs/docker-host.md has a configuration that names the engine and attaches all", () => {
  const text = readFileSync(`${root}docs/docker-host.md`, "utf8");
  const [, yaml = ""] = /^```yaml\n([\s\S]*?)^```$/m.exec(text) ?? [];
  expect(readConfig(yaml, "eleven.yaml")).toMatchObject({ sources: [{ kind: "docker" }], attach: "all" });
});

describe("examples", () => {
  it.each(readdirSync(`${root}examples`))("%s loads", (file) => {
    if (file.startsWith("eleven")) loadConfig(`${root}examples/${file}`);
    else expectSnapshot(readFileSync(`${root}examples/${file}`, "utf8"));
  });

  it("eleven.yaml has every key, and leads to a file that is there", () => {
    const config = loadConfig(`${root}examples/eleven.yaml`);
    const text = readFileSync(`${root}examples/eleven.yaml`, "utf8");
    for (const key of Object.keys(config)) expect(text).toMatch(new RegExp(`^${key}:`, "m"));
    expect(config.sources).toEqual([{ kind: "file", path: `${root}examples/shop.yaml` }]);
  });
});
