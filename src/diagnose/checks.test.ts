import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { checks } from "./checks.ts";

const codes = checks.map(({ code }) => code);

test("docs/findings.md documents each code, and no other", () => {
  const text = readFileSync(new URL("../../docs/findings.md", import.meta.url), "utf8");
  const documented = [...text.matchAll(/^## (.+)$/gm)].map(([, title]) => title);
  expect([...documented].sort()).toEqual([...codes].sort());
});

test("each check stands in a file of its own, named after its code", () => {
  const files = readdirSync(new URL("checks/", import.meta.url)).filter(
    (file) => !/\.(test|suite)\./.test(file),
  );
  expect(files.map((file) => file.replace(/\.ts$/, "")).sort()).toEqual([...codes].sort());
});
